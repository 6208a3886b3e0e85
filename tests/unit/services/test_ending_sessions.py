"""RevokeSessions: bounded work, and the truth about what is left."""

from dataclasses import dataclass, field

import pytest
from support.asking import ADA, LIFETIMES, ORIGIN, new_session

from tokenauthority_server.adapters.memory import (
    MemoryDatabase,
    MemoryRevocationView,
    MemorySessionEnder,
    MemorySessionStore,
)
from tokenauthority_server.domain.errors import InvalidRequestError, OverloadedError
from tokenauthority_server.domain.revocations import RevocationReason
from tokenauthority_server.domain.session_criteria import (
    SessionCriteria,
    SessionKey,
    Span,
    Stretch,
)
from tokenauthority_server.domain.sessions import Origin
from tokenauthority_server.services.ending_sessions import (
    COUNTING_SECONDS,
    ENDED_AT_ONCE,
    ENDING_SECONDS,
    LOOKED_AT_ONCE,
    EndedSessions,
    EndingSessions,
)

ADMIN = RevocationReason.ADMIN
OF_ADA = SessionCriteria(user_id=ADA.user_id)
SOMEWHERE = SessionKey(user_id="u", session_id="s")


@dataclass
class Endless:
    """Stretches of which each takes so many seconds and has so many sessions that are meant."""

    stretches: int
    seconds: float
    meant: int = ENDED_AT_ONCE
    time: float = 0.0
    ended: int = 0
    lengths: list[int] = field(default_factory=list)

    async def count_stretch(self, criteria: SessionCriteria, span: Span) -> Stretch:
        del criteria
        return self._next(span.length, 0)

    async def end_stretch(
        self, criteria: SessionCriteria, span: Span, reason: RevocationReason, origin: Origin
    ) -> Stretch:
        del criteria, reason, origin
        assert span.most == ENDED_AT_ONCE
        self.ended += 1
        return self._next(span.length, self.meant)

    def _next(self, length: int, ended: int) -> Stretch:
        self.lengths.append(length)
        self.time += self.seconds
        self.stretches -= 1
        return Stretch(matched=self.meant, ended=ended, end=SOMEWHERE if self.stretches else None)


class Behind(MemoryRevocationView):
    async def settle(self) -> bool:
        return False


def over(ender: Endless) -> EndingSessions:
    return EndingSessions(
        ender=ender, view=MemoryRevocationView(MemoryDatabase()), now=lambda: ender.time
    )


@pytest.fixture
async def database() -> MemoryDatabase:
    database = MemoryDatabase()
    for _ in range(3):
        await MemorySessionStore(database).create(new_session(), LIFETIMES, ORIGIN)
    return database


async def test_a_dry_run_only_counts(database: MemoryDatabase) -> None:
    ending = EndingSessions(ender=MemorySessionEnder(database), view=MemoryRevocationView(database))
    dry = await ending.revoke(OF_ADA, ADMIN, ORIGIN, dry_run=True)
    assert dry == EndedSessions(matched=3, revoked=0, effective_everywhere=True)
    for count in (3, 0):
        done = await ending.revoke(OF_ADA, ADMIN, ORIGIN, dry_run=False)
        assert done == EndedSessions(matched=count, revoked=count, effective_everywhere=True)


async def test_what_is_not_known_everywhere_is_not_promised(database: MemoryDatabase) -> None:
    ending = EndingSessions(ender=MemorySessionEnder(database), view=Behind(database))
    done = await ending.revoke(OF_ADA, ADMIN, ORIGIN, dry_run=False)
    assert not done.effective_everywhere


async def test_nothing_set_means_nobody(database: MemoryDatabase) -> None:
    ending = EndingSessions(ender=MemorySessionEnder(database), view=MemoryRevocationView(database))
    for dry_run in (True, False):
        with pytest.raises(InvalidRequestError) as refused:
            await ending.revoke(SessionCriteria(), ADMIN, ORIGIN, dry_run=dry_run)
        assert [one.field for one in refused.value.violations] == ["criteria"]
    assert len(list(database.live_sessions(ADA.user_id))) == 3


async def test_what_there_is_no_time_for_is_counted_and_left() -> None:
    ender = Endless(stretches=20, seconds=1.0)
    done = await over(ender).revoke(OF_ADA, ADMIN, ORIGIN, dry_run=False)
    assert (done.matched, done.revoked) == (20 * ender.meant, ENDING_SECONDS * ender.meant)
    # More are counted at once than ended.
    assert ender.lengths == [ENDED_AT_ONCE] * 15 + [LOOKED_AT_ONCE] * 5


async def test_where_few_are_meant_more_are_looked_at() -> None:
    ender = Endless(stretches=10, seconds=1.0, meant=1)
    await over(ender).revoke(OF_ADA, ADMIN, ORIGIN, dry_run=False)
    assert ender.lengths == [1_000, 2_000, 4_000, 8_000, 16_000, *[LOOKED_AT_ONCE] * 5]


@pytest.mark.parametrize("dry_run", [True, False])
async def test_what_cannot_even_be_counted_is_no_answer(*, dry_run: bool) -> None:
    ender = Endless(stretches=1_000, seconds=1.0)
    with pytest.raises(OverloadedError):
        await over(ender).revoke(OF_ADA, ADMIN, ORIGIN, dry_run=dry_run)
    assert ender.time == ENDING_SECONDS + COUNTING_SECONDS
    # What was ended stays so, and the next call begins with less.
    assert ender.ended == (0 if dry_run else ENDING_SECONDS)
