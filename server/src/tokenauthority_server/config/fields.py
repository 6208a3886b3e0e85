"""The kinds of value that settings hold, each with the rule that it stands under alone."""

import ipaddress
import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from tokenauthority_server.config.addresses import database_address, redis_address
from tokenauthority_server.config.keys import read_key_encryption_keys

_MAX_NAME_BYTES = 256
_LATER_ALGORITHMS = ("EdDSA", "RS256", "PS256")
_HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?")


def is_loopback(host: str) -> bool:
    """Whether only programs of this machine reach the address; any other name counts as no."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _database(address: SecretStr) -> SecretStr:
    return SecretStr(database_address(address.get_secret_value())) if address else address


def _redis(address: SecretStr) -> SecretStr:
    return SecretStr(redis_address(address.get_secret_value())) if address else address


def _algorithm(name: str) -> str:
    if name in _LATER_ALGORITHMS:
        raise ValueError(f"{name} is not in this release; it signs with ES256 or HS256")
    return name


def _claim(name: str) -> str:
    if not 1 <= len(name.encode()) <= _MAX_NAME_BYTES:
        raise ValueError(f"must have 1 to {_MAX_NAME_BYTES} bytes")
    if not name.isprintable() or name != name.strip():
        raise ValueError("must neither begin nor end with a space, nor hold control characters")
    return name


def _host(host: str) -> str:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        if not _HOST_NAME.fullmatch(host):
            raise ValueError(
                "must be an IP address or a host name, without brackets; the port has a setting "
                "of its own"
            ) from None
    return host


def _sealing_keys(keys: SecretStr) -> SecretStr:
    if keys:
        read_key_encryption_keys(keys.get_secret_value())
    return keys


DatabaseAddress = Annotated[SecretStr, AfterValidator(_database)]
RedisAddress = Annotated[SecretStr, AfterValidator(_redis)]
SealingKeys = Annotated[SecretStr, AfterValidator(_sealing_keys)]
Algorithm = Annotated[Literal["ES256", "HS256"], BeforeValidator(_algorithm)]
Claim = Annotated[str, AfterValidator(_claim)]
Host = Annotated[str, AfterValidator(_host)]
Port = Annotated[int, Field(ge=0, le=65535)]
LogLevel = Annotated[
    Literal["debug", "info", "warning", "error", "critical"], BeforeValidator(str.lower)
]
SessionLimitPolicy = Annotated[Literal["evict_oldest", "reject"], BeforeValidator(str.lower)]
LogFormat = Annotated[Literal["console", "json"], BeforeValidator(str.lower)]
