"""Addresses of Redis: one server, a cluster, or the sentinels that watch a primary.

Errors are ValueErrors whose text holds nothing of the address, since that may be a password.
"""

import re
from typing import Final
from urllib.parse import SplitResult, parse_qsl

from tokenauthority_server.config.addresses import host_list, split

_SERVER: Final = "redis://host:6379"
_CLUSTER: Final = "redis+cluster://host:6379,host:6379"
_SENTINELS: Final = "redis+sentinel://host:26379,host:26379/service-name"
_SCHEME: Final = re.compile(r"rediss?(\+(?P<form>cluster|sentinel))?")
_SENTINEL_LOGIN: Final = frozenset({"sentinel_username", "sentinel_password"})


def redis_address(address: str) -> str:
    """The address as it came, when all of it is understood."""
    parts = split(address)
    form = _form(parts)
    hosts = len(host_list(parts))
    if form is None:
        raise ValueError(
            f"must begin as in {_SERVER}, {_CLUSTER} or {_SENTINELS}; for TLS with rediss"
        )
    if not hosts:
        raise ValueError(f"names no host. Give it as {_example(form)}")
    if hosts > 1 and not form:
        raise ValueError(
            f"names several servers. A cluster is {_CLUSTER}, and sentinels are {_SENTINELS}"
        )
    if form == "sentinel" and not _service_and_database(parts)[0]:
        raise ValueError(f"names no service that the sentinels watch. Give it as {_SENTINELS}")
    if redis_database(address) and form == "cluster":
        raise ValueError("names a database, and a cluster has only the one with number 0")
    for name, _ in parse_qsl(parts.query):
        if name in _SENTINEL_LOGIN and form != "sentinel":
            raise ValueError(f"has the option {name}, and names no sentinels")
        if name != "db" and not name.startswith("ssl_") and name not in _SENTINEL_LOGIN:
            # The driver would let them go over our own time-outs.
            raise ValueError(
                f"has the option {name}; only db, those of TLS (ssl_...) and the sentinels' login "
                "(sentinel_username, sentinel_password) are taken"
            )
    return address


def redis_database(address: str) -> int | None:
    """The number of the database that the address names, in its path or as `?db=`."""
    parts = split(address)
    number = dict(parse_qsl(parts.query)).get("db") or _service_and_database(parts)[1]
    if not number:
        return None
    if not re.fullmatch(r"[0-9]{1,9}", number):
        raise ValueError("names a database that is no number; Redis numbers them from 0")
    return int(number)


def is_cluster(address: str) -> bool:
    """Whether it names a cluster, which has one database."""
    return _form(split(address)) == "cluster"


def _form(parts: SplitResult) -> str | None:
    """`cluster`, `sentinel`, nothing for one server; None for none of these."""
    scheme = _SCHEME.fullmatch(parts.scheme)
    return (scheme["form"] or "") if scheme else None


def _example(form: str) -> str:
    return {"": _SERVER, "cluster": _CLUSTER, "sentinel": _SENTINELS}[form]


def _service_and_database(parts: SplitResult) -> tuple[str, str]:
    path = parts.path.strip("/")
    if _form(parts) != "sentinel":
        return "", path
    service, _, database = path.partition("/")
    return service, database
