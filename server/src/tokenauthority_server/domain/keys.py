"""Signing keys: the stages of their life, and what is known of each."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

PUBLISHED_BEFORE_USE = timedelta(minutes=10)
"""How long a key is published before it signs: twice as long as verifiers may keep what they have
fetched, so that each of them knows it by then."""

HORIZON_SLACK = timedelta(hours=24)
"""How much further ahead an active key may sign than any token lives."""


class KeyState(StrEnum):
    """Where a signing key stands in its life; the names are the contract's.

    PREPARED is published and signs nothing yet. ACTIVE signs; there is one of each algorithm in
    use. RETIRED verifies until the last token that it signed has expired. REVOKED does not even
    that.
    """

    PREPARED = "PREPARED"
    ACTIVE = "ACTIVE"
    RETIRED = "RETIRED"
    REVOKED = "REVOKED"


FINAL_STATES = frozenset({KeyState.RETIRED, KeyState.REVOKED})
"""A key in one of these never signs again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """A key that verifies tokens. `jwk` is a JSON Web Key (RFC 7517) as JSON text."""

    key_id: str
    algorithm: str
    state: KeyState
    jwk: str
    activate_time: datetime | None
    retire_time: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyMaterial:
    """A new key: its public half as a JWK, and its private half sealed for the store."""

    key_id: str
    algorithm: str
    public_jwk: str
    sealed_private_key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """A key in its life.

    No token that it signs expires after `last_expire_time`: it is moved on before the key signs
    one that would, so a key can be deleted when it is past. `retire_time` is when it ceased to
    sign, whether by retirement or by revocation.
    """

    key_id: str
    algorithm: str
    state: KeyState
    create_time: datetime
    activate_time: datetime | None = None
    retire_time: datetime | None = None
    last_expire_time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredKey:
    """A key as the store holds it."""

    key: SigningKey
    material: KeyMaterial


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredKeys:
    """All keys, newest first, and the ids of revoked ones: of these, and of keys kept elsewhere.

    `now` is the store's own clock when it was asked.
    """

    keys: tuple[StoredKey, ...]
    revoked_key_ids: frozenset[str]
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyTerms:
    """How keys live: `longest` is how long any token lives."""

    rotate_after: timedelta
    longest: timedelta
    published_for: timedelta = PUBLISHED_BEFORE_USE

    @property
    def horizon(self) -> timedelta:
        """How far ahead an active key may sign when that is written down."""
        return self.longest + HORIZON_SLACK

    @property
    def short(self) -> timedelta:
        """How much of that has to be left: half of the slack is time for the next tick."""
        return self.longest + HORIZON_SLACK / 2


def is_lacking(stored: StoredKeys, algorithm: str) -> bool:
    """Return whether there is no active key at all, or none prepared of this algorithm."""
    keys = [one.key for one in stored.keys]
    active = any(key.state is KeyState.ACTIVE for key in keys)
    prepared = any(key.state is KeyState.PREPARED and key.algorithm == algorithm for key in keys)
    return not (active and prepared)


def may_be_due(stored: StoredKeys, algorithm: str, terms: KeyTerms) -> bool:
    """Return whether the active key has signed for long enough, or there is none."""
    times = [
        one.key.activate_time
        for one in stored.keys
        if one.key.state is KeyState.ACTIVE and one.key.algorithm == algorithm
    ]
    return not any(time and stored.now < time + terms.rotate_after for time in times)


def runs_short(stored: StoredKeys, terms: KeyTerms) -> bool:
    """Return whether a key that signs, or may soon, has its `last_expire_time` too near.

    A prepared one has its horizon too, so that it signs everywhere from the moment it is active,
    whatever lifetimes the process knew that activated it.
    """
    return any(
        one.key.state in {KeyState.ACTIVE, KeyState.PREPARED}
        and one.key.last_expire_time < stored.now + terms.short
        for one in stored.keys
    )
