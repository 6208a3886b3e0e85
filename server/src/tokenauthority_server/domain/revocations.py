"""Revocation facts, and the one rule by which they kill tokens."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias

from tokenauthority_server.domain.tokens import Claims, InactiveReason, TokenType
from tokenauthority_tokens.values import LONGEST_LIFETIME

LONGEST_ACCESS_LIFETIME = timedelta(seconds=LONGEST_LIFETIME[TokenType.ACCESS])
"""No setting allows more, so a fact about all of a user's tokens may be dropped after it."""

LONGEST_REFRESH_LIFETIME = timedelta(seconds=LONGEST_LIFETIME[TokenType.REFRESH])
"""Nor does any verifier, so this is how long a fact about a key matters: whoever has stolen the key
has signed what he liked."""

FACT_MARGIN = timedelta(minutes=5)
"""A fact outlives the tokens that it concerns by this: leeway, and clocks that are apart."""


AS_GOOD_AS_EVER = timedelta(days=3653)
"""How long a key that is kept elsewhere stays revoked: nobody knows when it is taken away there."""


class RevocationReason(StrEnum):
    """Why something was revoked; the names are the contract's."""

    LOGOUT = "LOGOUT"
    LOGOUT_ALL = "LOGOUT_ALL"
    ADMIN = "ADMIN"
    PASSWORD_CHANGED = "PASSWORD_CHANGED"  # noqa: S105 - a reason, no secret
    PROFILE_CHANGED = "PROFILE_CHANGED"
    REUSE_DETECTED = "REUSE_DETECTED"
    USER_DISABLED = "USER_DISABLED"
    USER_DELETED = "USER_DELETED"
    SESSION_LIMIT = "SESSION_LIMIT"
    KEY_REVOKED = "KEY_REVOKED"


CLAIMABLE_REASONS = frozenset(
    {
        RevocationReason.LOGOUT,
        RevocationReason.LOGOUT_ALL,
        RevocationReason.ADMIN,
        RevocationReason.PASSWORD_CHANGED,
    }
)
"""What a caller may give as its reason; the others are the authority's own."""


class FactKind(StrEnum):
    """What a fact is about."""

    TOKEN = "token"  # noqa: S105 - a kind, no secret
    SESSION = "session"
    USER = "user"
    PROFILE = "profile"
    KEY = "key"


FactKey: TypeAlias = tuple[str, FactKind, str]
"""A fact's (user_id, kind, target), under which there is one at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A revocation.

    `target` is the token's id, the session's or the key's; a user's facts have none. `user_id` is
    empty for keys. `epoch` is the user's, or the user's profile epoch, after the revocation.
    """

    kind: FactKind
    user_id: str
    target: str
    reason: RevocationReason
    epoch: int = 0
    except_session_id: str = ""

    @property
    def key(self) -> FactKey:
        """Under which it stands."""
        return self.user_id, self.kind, self.target


@dataclass(frozen=True, slots=True)
class LiveFact:
    """A fact that matters still: until `expire_time`, by the database's clock.

    `remaining` is how long that was when it was read there. It can only have become less since, so
    whoever counts it from when it arrives keeps the fact for long enough, by a clock of any time.
    """

    fact: Fact
    expire_time: datetime
    remaining: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a revocation was about: where its facts stand.

    `sessions` are those that are known by their id alone: about each of them are its own fact and
    those of its user and its key.
    """

    keys: frozenset[FactKey] = frozenset()
    sessions: tuple[str, ...] = ()


def about_user(user_id: str) -> About:
    """Return what all that a user holds may have been revoked by."""
    return About(keys=frozenset({(user_id, FactKind.USER, ""), (user_id, FactKind.PROFILE, "")}))


def about_key(key_id: str) -> About:
    """Return what all that a key has signed was revoked by."""
    return About(keys=frozenset({("", FactKind.KEY, key_id)}))


def about_token(claims: Claims) -> About:
    """Return what a token may have been revoked by."""
    return About(keys=frozenset(targets(claims)))


@dataclass(frozen=True, slots=True)
class Death:
    """Why a token is dead, and why that was done to it."""

    reason: InactiveReason
    revocation_reason: RevocationReason | None


class CheckSource(StrEnum):
    """What a verdict on a token rests on; the names are the contract's."""

    LEASED_VIEW = "LEASED_VIEW"
    DATABASE = "DATABASE"


@dataclass(frozen=True, slots=True)
class Check:
    """For each token asked about its death, or None for one that lives; and what this rests on."""

    source: CheckSource
    deaths: tuple[Death | None, ...]


def targets(claims: Claims) -> tuple[FactKey, ...]:
    """Return the (user_id, kind, target) of every fact that could kill the token."""
    user_id = claims.user_id
    return (
        (user_id, FactKind.TOKEN, claims.token_id),
        (user_id, FactKind.SESSION, claims.session_id),
        (user_id, FactKind.USER, ""),
        (user_id, FactKind.PROFILE, ""),
        ("", FactKind.KEY, claims.key_id),
    )


def death_by(fact: Fact, claims: Claims) -> Death | None:
    """Return the token's death by this fact, or None when the fact does not concern it.

    The fact must be one of those named by `targets`. A token dies by its id, its session, its key,
    its user with a higher epoch unless its session is excepted, or, an access token, by its user
    with a higher profile epoch.
    """
    match fact.kind:
        case FactKind.TOKEN:
            return Death(InactiveReason.TOKEN_REVOKED, fact.reason)
        case FactKind.SESSION:
            return Death(InactiveReason.SESSION_REVOKED, fact.reason)
        case FactKind.KEY:
            return Death(InactiveReason.KEY_REVOKED, fact.reason)
        case FactKind.USER:
            dead = fact.epoch > claims.epoch and fact.except_session_id != claims.session_id
        case FactKind.PROFILE:  # pragma: no branch - there is no other kind
            dead = claims.token_type is TokenType.ACCESS and fact.epoch > claims.profile_epoch
    return Death(InactiveReason.USER_REVOKED, fact.reason) if dead else None
