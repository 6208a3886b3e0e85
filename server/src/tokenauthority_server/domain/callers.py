"""Who may call, and what a caller may do beyond calling."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from tokenauthority_server.domain.errors import CallerNotAllowedError
from tokenauthority_server.domain.rates import Rate
from tokenauthority_server.domain.revocations import CLAIMABLE_REASONS, RevocationReason

ANONYMOUS: Final = "anonymous"
"""What every caller is called where callers are not told apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """What a caller may do beyond calling. Nothing is given that is not named.

    Without `see_reasons` every token that is not good is INVALID to the caller, and takes as long
    to be found so as any other. Without `write_profiles` CreatePair takes no subject.
    `claimable_reasons` are those that the caller may give to a revocation.
    """

    see_reasons: bool = False
    write_profiles: bool = False
    claimable_reasons: frozenset[RevocationReason] = frozenset({RevocationReason.LOGOUT})

    def may_claim(self, reason: RevocationReason) -> None:
        """Return when the caller may give this reason; raise CallerNotAllowedError."""
        if reason not in self.claimable_reasons:
            raise CallerNotAllowedError(f"the reason {reason}")

    def may_write_profiles(self) -> None:
        """Return when the caller may bring a profile; raise CallerNotAllowedError."""
        if not self.write_profiles:
            raise CallerNotAllowedError("a subject needs the right write_profiles")


EVERY_RIGHT = Rights(see_reasons=True, write_profiles=True, claimable_reasons=CLAIMABLE_REASONS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who calls: the name under which it stands in the audit trail, and its rights."""

    name: str
    rights: Rights


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """What is decided about a caller: the RPCs that it may call, by path, and how often each.

    What is not among the `rpcs` is not allowed; what is not among the `rates` is not limited.
    """

    caller: Caller
    rpcs: frozenset[str] = frozenset()
    rates: Mapping[str, Rate] = field(default_factory=dict)


class KnownCallers(Protocol):
    """Who is known, by what shows it. Each returns None for somebody who is not."""

    def by_uri(self, uri: str) -> Admission | None:
        """Return whose certificate has this URI, compared whole."""
        ...

    def by_dns(self, name: str) -> Admission | None:
        """Return whose certificate has this DNS name, compared whole, in any case (RFC 4343)."""
        ...

    def by_key(self, digest: bytes) -> Admission | None:
        """Return whose key has this SHA-256, in a time that tells nothing of the known ones."""
        ...

    def by_service_account(self, token: str) -> Admission | None:
        """Return whose service account the token is of; raise CallerUnknownError for a bad one."""
        ...
