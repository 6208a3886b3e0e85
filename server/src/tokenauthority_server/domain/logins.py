"""Attempts at passwords: who is counted, and what is opened by one that was right."""

from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

from tokenauthority_server.domain.sessions import Device, NewSession

SETTLED_WITHIN: Final = timedelta(seconds=10)
"""An attempt that has neither failed nor succeeded by then has failed: nobody will settle it."""

SOURCE_LIFETIME: Final = timedelta(days=90)
"""How long a source is known to an account after its last login."""

MOST_SOURCES: Final = 10
"""Sources that are known to an account: the latest ones."""

_NAMES_OF_A_SOURCE: Final = 4
_ONES_OWN_IPV6: Final = 64
"""Bits of an address that a provider gives: the others are the customer's to choose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginLimits:
    """How many failures lock, and for how long."""

    failures: int
    lock: timedelta

    @property
    def source_failures(self) -> int:
        """What a source may fail at altogether, before each failure delays the next attempt."""
        return _NAMES_OF_A_SOURCE * self.failures


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a person typed, as typed: people type passwords into either field."""

    username: str = field(repr=False)
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """An attempt at the password of whoever has the username, which is compared as it is.

    `name`, `source` and `own` (the source at this name) are what its failure counts against, as
    digests; without a `source`, which is then empty, only the name. With a session of the user's,
    `own` is the session at this name, and there is no source. All forms of a name are counted as
    one; `form` is the digest of the one that was typed. `place` is where it stands in line for
    being checked.
    """

    username: str = field(repr=False)
    name: bytes
    form: bytes
    source: bytes
    own: bytes
    device: Device
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Whom a password belongs to. `epoch` was read together with the hash."""

    user_id: str
    password_hash: str | None = field(repr=False)
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A reserved attempt. Nobody has the username where there is no account.

    `known_source` says that it is judged by an allowance of its own.
    """

    attempt: Attempt
    account: Account | None
    known_source: bool

    @property
    def own(self) -> bytes:
        """The allowance of its own by which it is judged; empty where it is the name's."""
        return self.attempt.own if self.known_source else b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A session to be opened by a password that was right, and the hash that replaces its own."""

    attempt: Attempt
    known_source: bool
    account: Account
    new: NewSession
    new_hash: str | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordExchange:
    """Another password for a user, whose name's failures are forgotten.

    `verified` is what the old password was checked against; None where nobody was asked for it.
    """

    user_id: str
    name: bytes
    form: bytes
    own: bytes = b""
    verified: Account | None
    new_hash: str = field(repr=False)
    except_session_id: str = ""


def network(address: str) -> str:
    """Return what one source has of the network: an IPv4 address, or 64 bits of an IPv6 one.

    `address` is in its normal form, or empty.
    """
    if not address:
        return ""
    parsed = ip_address(address)
    if isinstance(parsed, IPv6Address):
        return str(ip_network((parsed, _ONES_OWN_IPV6), strict=False))
    return address
