"""The view: every fact that matters, in memory, and which tokens it kills."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Final

from tokenauthority_server.domain.revocation_ports import Ticks
from tokenauthority_server.domain.revocations import Death, Fact, FactKind, LiveFact
from tokenauthority_server.domain.tokens import Claims, InactiveReason, TokenType
from tokenauthority_server.revocation.leases import DRIFT
from tokenauthority_server.revocation.packed import (
    REASONS,
    Highest,
    Once,
    chunks,
    epoch_of,
    expiry_of,
    minute_after,
    reason_of,
)

CHUNK: Final = 1_000

DROPPED_AT_ONCE: Final = 2_000
"""Facts that are dropped at once: a millisecond, in which nobody else is served."""

_DEATHS: Final = {
    why: {reason: Death(why, reason) for reason in REASONS}
    for why in (
        InactiveReason.TOKEN_REVOKED,
        InactiveReason.SESSION_REVOKED,
        InactiveReason.KEY_REVOKED,
        InactiveReason.USER_REVOKED,
    )
}


class View:
    """Only grows, by facts that are true, in any order and any number of times.

    What a fact about a token, a session or a key is about is known by the target alone: ids are
    random, and so are everybody's own.
    """

    def __init__(self, ticks: Ticks) -> None:
        self._ticks = ticks
        self._tokens = Once()
        self._sessions = Once()
        self._keys = Highest()
        self._users = Highest()
        self._profiles = Highest()
        self._once = {FactKind.TOKEN: self._tokens, FactKind.SESSION: self._sessions}
        self._highest = {
            FactKind.USER: self._users,
            FactKind.PROFILE: self._profiles,
            FactKind.KEY: self._keys,
        }

    def add(self, one: LiveFact) -> bool:
        """Take a fact in; return whether it was news."""
        fact = one.fact
        # A clock may be quick: rather too late than too early.
        minute = minute_after(self._ticks.now(), one.remaining.total_seconds() / DRIFT)
        expiry = ceil(one.expire_time.timestamp())
        once = self._once.get(fact.kind)
        if once is not None:
            return once.add(fact.target, fact.reason, expiry, minute)
        return self._highest[fact.kind].add(
            # Of a key there is no user, and of a user no target.
            fact.user_id or fact.target,
            fact.epoch,
            spared=fact.except_session_id,
            reason=fact.reason,
            expiry=expiry,
            minute=minute,
        )

    def death(self, claims: Claims) -> Death | None:
        """Return why the token is dead, or None: what `death_by` says of all `targets`."""
        number = self._tokens.numbers.get(claims.token_id)
        if number is not None:
            return _DEATHS[InactiveReason.TOKEN_REVOKED][reason_of(number)]
        number = self._sessions.numbers.get(claims.session_id)
        if number is not None:
            return _DEATHS[InactiveReason.SESSION_REVOKED][reason_of(number)]
        number = self._users.numbers.get(claims.user_id)
        if (
            number is not None
            and epoch_of(number) > claims.epoch
            and self._users.spared.get(claims.user_id) != claims.session_id
        ):
            return _DEATHS[InactiveReason.USER_REVOKED][reason_of(number)]
        number = self._profiles.numbers.get(claims.user_id)
        if (
            number is not None
            and claims.token_type is TokenType.ACCESS
            and epoch_of(number) > claims.profile_epoch
        ):
            return _DEATHS[InactiveReason.USER_REVOKED][reason_of(number)]
        number = self._keys.numbers.get(claims.key_id)
        if number is not None:
            return _DEATHS[InactiveReason.KEY_REVOKED][reason_of(number)]
        return None

    def sizes(self) -> Mapping[FactKind, int]:
        """Return how many facts of each kind there are."""
        return {kind: len(facts.numbers) for kind, facts in (self._once | self._highest).items()}

    def drop(self) -> bool:
        """Drop some of the facts that matter no more; return whether there may be others."""
        now = self._ticks.now()
        dropped = [
            facts.drop(now, DROPPED_AT_ONCE) for facts in (self._once | self._highest).values()
        ]
        return max(dropped) == DROPPED_AT_ONCE

    def items(self) -> Iterator[Sequence[LiveFact]]:
        """Give all facts that are there now, in parts; what changes meanwhile does no harm.

        Of tokens and sessions the user is not known, and not needed. `remaining` is not known
        any more, and is zero.
        """
        for kind, facts in (self._once | self._highest).items():
            spared = facts.spared if isinstance(facts, Highest) else {}
            for part in chunks(facts.numbers, CHUNK):
                yield [_live(kind, one, number, spared.get(one, "")) for one, number in part]


def _live(kind: FactKind, name: str, number: int, spared: str) -> LiveFact:
    is_of_user = kind in {FactKind.USER, FactKind.PROFILE}
    fact = Fact(
        kind=kind,
        user_id=name if is_of_user else "",
        target="" if is_of_user else name,
        reason=reason_of(number),
        epoch=epoch_of(number),
        except_session_id=spared,
    )
    return LiveFact(fact, datetime.fromtimestamp(expiry_of(number), UTC), timedelta(0))
