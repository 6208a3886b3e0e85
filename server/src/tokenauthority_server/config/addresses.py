"""The addresses of stores: PostgreSQL's read, and all of them shown without their passwords.

Errors are ValueErrors whose text holds nothing of the address, since that may be a password.
"""

import re
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

_UNREADABLE = (
    "cannot be read as an address. Check its host and port, and percent-encode what is special in "
    "the password (@ is %40, / is %2F, # is %23, ? is %3F)"
)
_POSTGRES_SCHEME = re.compile(r"(postgres|postgresql)(\+\w+)?")
_POSTGRES_FORM = "postgresql://user:password@host:5432/database"
_SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")


def database_address(address: str) -> str:
    """The address as `postgresql://`, whichever of the usual forms it came in.

    SQLAlchemy's driver (`postgresql+asyncpg://`) is dropped, and its `ssl=` becomes the `sslmode=`
    that PostgreSQL's own tools read; the rest of the query passes through.
    """
    parts = split(address)
    if not _POSTGRES_SCHEME.fullmatch(parts.scheme):
        raise ValueError(f"must begin with postgresql://, as in {_POSTGRES_FORM}")
    query = re.sub(r"(^|&)ssl=", r"\1sslmode=", parts.query)
    options = dict(parse_qsl(query))
    if not (host_list(parts) or options.get("host")):
        # The driver would go on to whatever PGHOST names, or to a socket.
        raise ValueError(f"names no host. Give it as {_POSTGRES_FORM}")
    if len(host_list(parts)) > 1 or "," in options.get("host", ""):
        raise ValueError(
            "names several hosts, which comes with a later release. Give the address that leads to "
            "the primary"
        )
    if options.get("pooler", "transaction") != "transaction":
        raise ValueError("has an unknown pooler; one in transaction mode is pooler=transaction")
    if options.get("sslmode", "prefer") not in _SSL_MODES:
        raise ValueError(f"has an unknown sslmode; it is one of {', '.join(_SSL_MODES)}")
    return _join("postgresql", parts.netloc, parts.path, query)


def masked(address: str) -> str:
    """The address without its passwords.

    A user without a password is hidden too: a lone word there is often the password itself.
    """
    parts = split(address)
    login, at, hosts = parts.netloc.rpartition("@")
    user, colon, _ = login.partition(":")
    shown = f"{user}:***" if colon else "***"
    options = [
        (name, "***" if "pass" in name.lower() else value) for name, value in parse_qsl(parts.query)
    ]
    netloc = f"{shown}@{hosts}" if at else hosts
    return _join(parts.scheme, netloc, parts.path, urlencode(options, safe="*/:,"))


def split(address: str) -> SplitResult:
    """The address in its parts, of which every host and port can be read."""
    try:
        parts = urlsplit(address)
        readable = not parts.fragment and parts.netloc.count("@") <= 1 and "@" not in parts.path
        for host in host_list(parts):
            one = urlsplit(f"//{host}")
            # A port that is no number raises here.
            readable = readable and bool(one.hostname) and one.port != 0
        if parts.query:
            parse_qsl(parts.query, strict_parsing=True)
    except ValueError:
        readable = False
    if not readable:
        raise ValueError(_UNREADABLE)
    return parts


def _join(scheme: str, netloc: str, path: str, query: str) -> str:
    # urlunsplit leaves out the slashes of an address without a host.
    return f"{scheme}://{netloc}{path}" + (f"?{query}" if query else "")


def host_list(parts: SplitResult) -> list[str]:
    """Each `host:port`; an address may name several."""
    return [host for host in parts.netloc.rpartition("@")[2].split(",") if host]
