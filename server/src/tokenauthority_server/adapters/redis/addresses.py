"""What an address of Redis names: one server, nodes of a cluster, or sentinels and a service."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from redis.asyncio.connection import parse_url

CLUSTER: Final = "cluster"
SENTINEL: Final = "sentinel"

_PORT: Final = 6379
_SENTINEL_PORT: Final = 26379
_SENTINEL_OPTION: Final = "sentinel_"


@dataclass(frozen=True, slots=True)
class Address:
    """`options` are the library's own: login, database, TLS. `form` is empty for one server."""

    form: str
    hosts: tuple[tuple[str, int], ...]
    service: str
    options: Mapping[str, Any]
    sentinel_login: Mapping[str, str]
    has_tls: bool


def read_address(url: str) -> Address:
    """Read an address that the configuration has let through."""
    parts = urlsplit(url)
    security, _, form = parts.scheme.partition("+")
    login, at, hosts = parts.netloc.rpartition("@")
    service, path = "", parts.path
    if form == SENTINEL:
        service, _, path = parts.path.strip("/").partition("/")
    query = dict(parse_qsl(parts.query))
    sentinel_login = {
        name.removeprefix(_SENTINEL_OPTION): query.pop(name)
        for name in list(query)
        if name.startswith(_SENTINEL_OPTION)
    }
    # The library reads one server's address.
    options: dict[str, Any] = dict(
        parse_url(f"{security}://{login}{at}host/{path.strip('/')}?{urlencode(query)}")
    )
    for name in ("host", "connection_class"):
        options.pop(name, None)
    return Address(
        form=form,
        hosts=tuple(
            _host(one, _SENTINEL_PORT if form == SENTINEL else _PORT)
            for one in hosts.split(",")
            if one
        ),
        service=unquote(service),
        options=options,
        sentinel_login=sentinel_login,
        has_tls=security == "rediss",
    )


def _host(text: str, port: int) -> tuple[str, int]:
    parts = urlsplit(f"//{text}")
    return parts.hostname or "", parts.port or port
