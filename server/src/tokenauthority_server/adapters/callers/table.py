"""What a callers' file may hold, table by table: the form of each value, and what is wrong with it.

Only our own words are told of a value, and never the value: whoever pastes a key into the wrong
place finds it nowhere else.
"""

import re
from typing import Annotated, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    InstanceOf,
    ValidationInfo,
)

from tokenauthority_server.adapters.callers.rpc_names import RpcNames
from tokenauthority_server.domain.caller_keys import PREFIX
from tokenauthority_server.domain.callers import ANONYMOUS
from tokenauthority_server.domain.rates import Rate
from tokenauthority_server.domain.revocations import CLAIMABLE_REASONS

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
# Under these names the audit trail tells of what no caller did.
_TAKEN: Final = frozenset({ANONYMOUS, "rotation"})
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DNS: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
# SPIFFE-ID, section 2: lower case up to the path, and no empty or relative part in that.
_SPIFFE: Final = re.compile(r"spiffe://[a-z0-9._-]{1,255}((?:/[A-Za-z0-9._-]+)+)")
_MAX_URI: Final = 2048
_MAX_DNS: Final = 253
_SERVICE_ACCOUNT: Final = re.compile(rf"{_LABEL}/{_LABEL}(?:\.{_LABEL})*")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_RATE: Final = re.compile(r"([1-9][0-9]{0,9})/([smh])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600}
_UNLIMITED: Final = "unlimited"


def check_name(name: str) -> str:
    """Return the name of a caller; raise ValueError for one that cannot be."""
    if not _NAME.fullmatch(name):
        raise ValueError(
            "is no name for a caller: give up to 63 of a-z, 0-9, dot, dash and underscore, the "
            "first one a letter or a digit"
        )
    if name in _TAKEN:
        raise ValueError(f"is no name for a caller: {name} stands in the audit trail for others")
    return name


def _uri(uri: str) -> str:
    found = _SPIFFE.fullmatch(uri)
    if not found or len(uri) > _MAX_URI or {".", ".."} & set(found[1].split("/")):
        raise ValueError(
            "is no SPIFFE ID. Give it as spiffe://trust-domain/path, as in "
            '"spiffe://wakedock.internal/ns/wakedock/sa/api"'
        )
    return uri


def _dns(name: str) -> str:
    lower = name.lower()
    if not (name.isascii() and _DNS.fullmatch(lower)) or len(lower) > _MAX_DNS:
        raise ValueError(
            'is no DNS name. Give one whole, without a wildcard, as "api.wakedock.internal"'
        )
    return lower


def _digest(text: object) -> bytes:
    if isinstance(text, str) and PREFIX in text:
        raise ValueError(
            "holds a key, and only its SHA-256 belongs here. Whoever read this file knows the key: "
            "make another with tokenauthority callers new"
        )
    if not isinstance(text, str) or not _DIGEST.fullmatch(text.lower()):
        raise ValueError(
            "is no SHA-256: 64 hexadecimal digits. tokenauthority callers new makes a key, and "
            "the line for it"
        )
    return bytes.fromhex(text)


def _service_account(name: str) -> str:
    if not _SERVICE_ACCOUNT.fullmatch(name):
        raise ValueError('is no service account. Give its namespace and its name: "wakedock/api"')
    return name


def _rpc(name: str, info: ValidationInfo) -> str:
    names: RpcNames = (info.context or {})["rpcs"]
    names.paths(name)
    return name


def _rate(text: object) -> object:
    if text == _UNLIMITED:
        return None
    found = _RATE.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise ValueError(
            'is no rate. Give a number of calls a second, minute or hour, as "500/s", "20/m", '
            '"100/h", or "unlimited"'
        )
    return Rate(int(found[1]), _SECONDS[found[2]])


def _reason(name: str) -> str:
    if name not in CLAIMABLE_REASONS:
        known = ", ".join(sorted(CLAIMABLE_REASONS))
        raise ValueError(f"is no reason that a caller may claim. Those are {known}")
    return name


_Rpc = Annotated[str, AfterValidator(_rpc)]
_AnyRate = Annotated[InstanceOf[Rate] | None, BeforeValidator(_rate)]
_STRICT: Final = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class CallerTable(BaseModel):
    """`[callers.NAME]`."""

    model_config = _STRICT

    uri: Annotated[str, AfterValidator(_uri)] | None = None
    dns: Annotated[str, AfterValidator(_dns)] | None = None
    key_sha256: list[Annotated[bytes, BeforeValidator(_digest)]] = []
    service_account: Annotated[str, AfterValidator(_service_account)] | None = None
    rpcs: Annotated[list[_Rpc], Field(min_length=1)]
    rights: list[Literal["write_profiles", "see_reasons"]] = []
    reasons: list[Annotated[str, AfterValidator(_reason)]] = ["LOGOUT"]
    rate: _AnyRate = None
    rates: dict[_Rpc, _AnyRate] = {}


class KubernetesTable(BaseModel):
    """`[kubernetes]`."""

    model_config = _STRICT

    jwks_file: Annotated[str, Field(min_length=1)]
    issuer: Annotated[str, Field(min_length=1)]
    audience: Annotated[str, Field(min_length=1)]
