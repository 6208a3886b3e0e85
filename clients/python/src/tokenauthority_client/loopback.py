"""Whether a target leads nowhere but to this machine."""

import re
from ipaddress import ip_address
from typing import Final

# An address or a name, perhaps with a port: [::1]:50051, 127.0.0.1:50051, localhost.
_SERVER: Final = re.compile(r"(?:\[(?P<v6>[^\[\]]+)\]|(?P<other>[^\[\]:]+))(?::\d{1,5})?")


def is_on_loopback(target: str) -> bool:
    """Return whether calls to the target of a channel stay on this machine.

    Only what surely does counts: the forms of gRPC's naming that are not known here, and names
    other than localhost (RFC 6761), may lead anywhere.
    """
    scheme, _, rest = target.partition(":")
    match scheme:
        case "unix" | "unix-abstract":
            return True
        case "ipv4" | "ipv6":
            return all(_is_loopback(server) for server in rest.split(","))
        case "dns":
            # With an authority (`dns://10.0.0.53/name`) that server says what is meant.
            return _is_loopback(rest.removeprefix("///"))
        case _:
            return _is_loopback(target)


def _is_loopback(server: str) -> bool:
    found = _SERVER.fullmatch(server)
    if found is None:
        return False
    host = found["v6"] or found["other"]
    if host == "localhost":
        return found["v6"] is None
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
