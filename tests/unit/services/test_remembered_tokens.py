"""A verdict at once is the verdict that the long way gives, and only on tokens that are active."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.adapters.forging import ring_of

from tokenauthority_server.adapters.jwt.verified import VerifiedTokens
from tokenauthority_server.adapters.memory import MemoryActivityLog
from tokenauthority_server.domain.callers import Rights
from tokenauthority_server.domain.ports import SessionStore, TokenMemory
from tokenauthority_server.domain.revocations import (
    Check,
    CheckSource,
    Death,
    Fact,
    FactKind,
    LiveFact,
    RevocationReason,
)
from tokenauthority_server.domain.tokens import (
    Claims,
    InactiveReason,
    TokenRefusedError,
    TokenType,
    VerifiedToken,
)
from tokenauthority_server.revocation.view import View
from tokenauthority_server.services.validating import Validating, Verdict

BEGIN: Final = datetime(2026, 3, 1, tzinfo=UTC)
NOW: Final = int(BEGIN.timestamp())
HOUR: Final = timedelta(hours=1)
EVERYTHING: Final = Rights(see_reasons=True)
NOTHING: Final = Rights()


def claims(number: int, token_type: TokenType = TokenType.ACCESS, begin: int = NOW) -> Claims:
    return Claims(
        token_type=token_type,
        user_id=f"user-{number % 3}",
        session_id=f"session-{number}",
        token_id=f"token-{number}",
        issue_time=begin,
        expire_time=begin + 600,
        epoch=1,
        key_id=f"key-{number % 2}",
        profile_epoch=1,
    )


TOKENS: Final[Mapping[str, Claims | InactiveReason]] = {
    **{f"good {number}": claims(number) for number in range(6)},
    "early": claims(6, begin=NOW + 300),
    "refresh": claims(7, TokenType.REFRESH),
    "forged": InactiveReason.BAD_SIGNATURE,
    "no token": InactiveReason.MALFORMED,
}


@dataclass
class Verifying:
    """A TokenVerifier that counts what it is asked."""

    asked: list[str] = field(default_factory=list)

    def verify(self, token: str) -> Claims:
        self.asked.append(token)
        judged = TOKENS[token]
        if isinstance(judged, InactiveReason):
            raise TokenRefusedError(judged)
        return judged


class Forgetful:
    """A TokenMemory that remembers nothing."""

    def recall(self, token: str) -> VerifiedToken | None:
        del token
        return None

    def forget(self, token: str) -> None:
        """Do nothing."""


class Ticks:
    """A clock that stands."""

    def now(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        raise NotImplementedError


@dataclass
class Asked:
    """A RevocationView that answers at once while `leased`."""

    view: View
    leased: bool

    def check_now(self, claims: Claims) -> Check | None:
        if not self.leased:
            return None
        return Check(CheckSource.LEASED_VIEW, (self.view.death(claims),))

    async def check(self, claims: Sequence[Claims]) -> Check:
        return Check(CheckSource.DATABASE, tuple(map(self.view.death, claims)))


class Sessions:
    """The one question about refresh tokens."""

    async def refresh_token_deaths(self, claims: Sequence[Claims]) -> Sequence[Death | None]:
        return [None for _ in claims]


class Clock:
    """A clock that is set."""

    def __init__(self) -> None:
        self.time = BEGIN

    def now(self) -> datetime:
        return self.time


class Updates:
    """All keys are known here."""

    async def catch_up(self) -> None:
        """Return at once."""


@dataclass
class Both:
    """The two ways, over the same revocations and the same clock."""

    leased: Asked
    verifying: Verifying
    quick: Validating
    slow: Validating
    clock: Clock
    memory: VerifiedTokens

    @classmethod
    def fresh(cls) -> "Both":
        view, clock, verifying = View(Ticks()), Clock(), Verifying()
        leased = Asked(view, leased=True)
        memory = VerifiedTokens(verifying, ring_of())
        sessions: SessionStore = Sessions()  # type: ignore[assignment] # all that is asked of it
        common = (sessions, clock, 5, MemoryActivityLog())
        quick = Validating(memory, memory, Updates(), leased, *common)
        nothing: TokenMemory = Forgetful()
        slow = Validating(Verifying(), nothing, Updates(), Asked(view, leased=False), *common)
        return cls(leased, verifying, quick, slow, clock, memory)

    def revoke(self, kind: FactKind, number: int) -> None:
        target = {
            FactKind.TOKEN: f"token-{number}",
            FactKind.SESSION: f"session-{number}",
            FactKind.KEY: f"key-{number % 2}",
        }.get(kind, "")
        user_id = "" if kind is FactKind.KEY else f"user-{number % 3}"
        fact = Fact(
            kind=kind, user_id=user_id, target=target, reason=RevocationReason.ADMIN, epoch=2
        )
        self.leased.view.add(LiveFact(fact, BEGIN + HOUR, HOUR))


numbers = st.integers(0, 5)
steps = st.lists(
    st.one_of(
        st.tuples(
            st.just("validate"),
            st.lists(st.sampled_from(sorted(TOKENS)), min_size=1, max_size=8),
            st.sampled_from(TokenType),
            st.sampled_from([EVERYTHING, NOTHING]),
        ),
        st.tuples(st.just("revoke"), st.sampled_from(FactKind), numbers),
        st.tuples(st.just("lease"), st.booleans()),
        st.tuples(st.just("wait"), st.integers(0, 400)),
    ),
    max_size=25,
)


@given(steps)
@settings(deadline=None)
async def test_the_quick_way_says_what_the_long_way_says(
    steps: Sequence[tuple[object, ...]],
) -> None:
    both = Both.fresh()
    for step in steps:
        match step:
            case ("validate", list(tokens), TokenType() as expected, Rights() as rights):
                await _compare(both, tokens, expected, rights)
            case ("revoke", FactKind() as kind, int(number)):
                both.revoke(kind, number)
            case ("lease", bool(leased)):
                both.leased.leased = leased
            case ("wait", int(seconds)):
                both.clock.time += timedelta(seconds=seconds)


async def _compare(both: Both, tokens: Sequence[str], expected: TokenType, rights: Rights) -> None:
    slow = await both.slow.validate_many(tokens, expected, rights)
    both.verifying.asked.clear()
    quick = await both.quick.validate_many(tokens, expected, rights)
    assert [_without_source(one) for one in quick] == [_without_source(one) for one in slow]
    for token, verdict in zip(tokens, quick, strict=True):
        if verdict.reason is not None:
            # It does not rest on the memory, and leaves nothing there.
            assert token in both.verifying.asked
            assert both.memory.recall(token) is None
    both.verifying.asked.clear()
    one = await both.quick.validate(tokens[0], expected, rights)
    assert _without_source(one) == _without_source(slow[0])
    assert one.reason is None or both.verifying.asked == [tokens[0]]


def _without_source(verdict: Verdict) -> Verdict:
    return replace(verdict, source=None)


async def test_a_token_is_verified_once_while_it_is_active() -> None:
    both = Both.fresh()
    for _ in range(3):
        verdict = await both.quick.validate("good 1", TokenType.ACCESS, EVERYTHING)
        assert verdict.reason is None
    assert verdict.source is CheckSource.LEASED_VIEW
    assert both.verifying.asked == ["good 1"]


@pytest.mark.parametrize("kind", FactKind)
async def test_a_revoked_token_is_verified_each_time(kind: FactKind) -> None:
    # Guard: where the memory's word was enough it took a hundredth of the time of a forged one.
    both = Both.fresh()
    await both.quick.validate("good 1", TokenType.ACCESS, NOTHING)
    both.revoke(kind, 1)
    both.verifying.asked.clear()
    for _ in range(3):
        verdict = await both.quick.validate("good 1", TokenType.ACCESS, NOTHING)
        assert verdict.reason is InactiveReason.INVALID
    assert both.verifying.asked == ["good 1"] * 3


async def test_a_token_expires_and_is_forgotten() -> None:
    # Guard: with times looked at only when a token is verified it never expired.
    both = Both.fresh()
    await both.quick.validate("good 1", TokenType.ACCESS, EVERYTHING)
    both.clock.time += timedelta(seconds=605)
    verdict = await both.quick.validate("good 1", TokenType.ACCESS, EVERYTHING)
    assert verdict.reason is InactiveReason.EXPIRED
    assert both.memory.reading().tokens == 0


async def test_without_a_lease_the_database_is_asked() -> None:
    both = Both.fresh()
    await both.quick.validate("good 1", TokenType.ACCESS, EVERYTHING)
    both.leased.leased = False
    verdict = await both.quick.validate("good 1", TokenType.ACCESS, EVERYTHING)
    assert verdict.source is CheckSource.DATABASE


async def test_in_a_list_only_the_others_are_asked_about() -> None:
    both = Both.fresh()
    await both.quick.validate("good 1", TokenType.ACCESS, EVERYTHING)
    both.verifying.asked.clear()
    tokens = ["good 1", "forged", "good 2", "good 1"]
    verdicts = await both.quick.validate_many(tokens, TokenType.ACCESS, EVERYTHING)
    assert [one.reason for one in verdicts] == [None, InactiveReason.BAD_SIGNATURE, None, None]
    assert both.verifying.asked == ["forged", "good 2"]
    assert [one.remembered is not None for one in verdicts] == [True, False, False, True]


async def test_a_refresh_token_is_not_answered_from_memory() -> None:
    both = Both.fresh()
    for _ in range(2):
        verdict = await both.quick.validate("refresh", TokenType.REFRESH, EVERYTHING)
        assert verdict.source is CheckSource.DATABASE
    assert both.verifying.asked == ["refresh"] * 2
