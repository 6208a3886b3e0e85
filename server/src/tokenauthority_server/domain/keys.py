"""Signing keys as they are published."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class KeyState(StrEnum):
    """Where a signing key stands in its life; the names are the contract's."""

    PREPARED = "PREPARED"
    ACTIVE = "ACTIVE"
    RETIRED = "RETIRED"
    REVOKED = "REVOKED"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """A key that verifies tokens. `jwk` is a JSON Web Key (RFC 7517) as JSON text."""

    key_id: str
    algorithm: str
    state: KeyState
    jwk: str
    activate_time: datetime | None
    retire_time: datetime | None
