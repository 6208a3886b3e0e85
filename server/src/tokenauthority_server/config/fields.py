"""The kinds of value that settings hold, each with the rule that it stands under alone."""

import ipaddress
import re
from contextlib import suppress
from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from tokenauthority_server.config.addresses import database_address
from tokenauthority_server.config.keys import read_key_encryption_keys
from tokenauthority_server.config.redis_addresses import redis_address

_ALGORITHMS = ("ES256", "EdDSA", "RS256", "PS256", "HS256")
_MAX_NAME_BYTES = 256
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
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
    # The names are of mixed case, and as easily mistyped as the other choices.
    return next((one for one in _ALGORITHMS if one.lower() == name.lower()), name)


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


def _day(text: object) -> object:
    if not isinstance(text, str):
        return text
    # The library would take any number for seconds, and the calendar has other ways to write a day.
    if _DAY.fullmatch(text):
        with suppress(ValueError):
            return date.fromisoformat(text)
    raise ValueError("must be a day of the calendar, written as in 2027-12-31")


DatabaseAddress = Annotated[SecretStr, AfterValidator(_database)]
RedisAddress = Annotated[SecretStr, AfterValidator(_redis)]
SealingKeys = Annotated[SecretStr, AfterValidator(_sealing_keys)]
Algorithm = Annotated[
    Literal["ES256", "EdDSA", "RS256", "PS256", "HS256"], BeforeValidator(_algorithm)
]
Day = Annotated[date | None, BeforeValidator(_day)]
Claim = Annotated[str, AfterValidator(_claim)]
Host = Annotated[str, AfterValidator(_host)]
Port = Annotated[int, Field(ge=0, le=65535)]
LogLevel = Annotated[
    Literal["debug", "info", "warning", "error", "critical"], BeforeValidator(str.lower)
]
SessionLimitPolicy = Annotated[Literal["evict_oldest", "reject"], BeforeValidator(str.lower)]
LogFormat = Annotated[Literal["console", "json"], BeforeValidator(str.lower)]
