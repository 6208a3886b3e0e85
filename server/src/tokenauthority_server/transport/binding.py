"""Taking a port, and telling a person why it could not be taken."""

import errno
import socket
from dataclasses import dataclass

from tokenauthority_server.domain.errors import StartError


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the authority listens, as host:port."""

    grpc: str
    http: str


class BindError(StartError):
    """A port could not be taken. `setting` is the one that names it, as GRPC_PORT."""

    def __init__(self, setting: str, host: str, port: int, cause: OSError | None) -> None:
        self.setting = setting
        where = address_of(host, port)
        super().__init__(f"{setting}: cannot listen on {where}: {_advice(setting, cause)}")


def address_of(host: str, port: int) -> str:
    """Return "host:port", with an IPv6 address in brackets (RFC 3986, section 3.2.2)."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def bind(setting: str, host: str, port: int) -> socket.socket:
    """Return a socket that listens on the port, any free one for 0; raise BindError."""
    try:
        return _listen(host, port)
    except OSError as error:
        raise BindError(setting, host, port, error) from error


def hold(setting: str, host: str, port: int) -> socket.socket:
    """Return a socket that keeps the port, any free one for 0, for processes that will share it.

    They listen with SO_REUSEPORT; it does not, and nobody who listens without it gets the port as
    long as it is open. Another authority with several workers does not, either: it has to hold the
    port first. Raises BindError where anybody has it already.
    """
    try:
        # Whoever shares a port is asked for nothing: so it has to be free for one who does not.
        with _listen(host, port) as alone:
            alone.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            return _keep(alone.family, alone.getsockname())
    except OSError as error:
        raise BindError(setting, host, port, error) from error


def _keep(family: int, address: tuple[str, int]) -> socket.socket:
    held = socket.socket(family, socket.SOCK_STREAM)
    try:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        # Connections that were closed a moment ago do not keep it from being taken ...
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            held.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        held.bind(address)
        # ... but from now on nobody else takes it that way.
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
    except BaseException:
        held.close()
        raise
    return held


def why_not(host: str, port: int) -> OSError | None:
    """Return what keeps the port from being taken, or None when nothing does any more."""
    try:
        _listen(host, port).close()
    except OSError as error:
        return error
    return None


def _listen(host: str, port: int) -> socket.socket:
    family, *_, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    return socket.create_server((address[0], port), family=family)


def _advice(setting: str, cause: OSError | None) -> str:
    host_setting = setting.replace("_PORT", "_HOST")
    match cause and cause.errno:
        case errno.EADDRINUSE | None:
            return (
                "another program listens there. Stop it, or give another port by "
                f"{setting} (0 takes any free one)"
            )
        case errno.EACCES:
            return f"this user may not. Give a port from 1024 on by {setting}"
        case _:
            return f"{cause}. Give an address of this machine by {host_setting}"
