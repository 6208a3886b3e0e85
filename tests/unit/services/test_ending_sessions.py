"""RevokeSessions: bounded work, and the truth about what is left."""

from dataclasses import dataclass, field, replace

import pytest
from support.asking import ADA, LIFETIMES, ORIGIN, access_claims, new_session

from tokenauthority_server.adapters.memory import (
    MemoryDatabase,
    MemoryPropagation,
    MemorySessionEnder,
    MemorySessionStore,
)
from tokenauthority_server.adapters.memory.rows import SessionRow
from tokenauthority_server.domain.errors import InvalidRequestError, OverloadedError
from tokenauthority_server.domain.revocations import About, RevocationReason
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


def over(ender: Endless) -> EndingSessions:
    return EndingSessions(
        ender=ender, propagation=MemoryPropagation(MemoryDatabase()), now=lambda: ender.time
    )


@pytest.fixture
async def database() -> MemoryDatabase:
    database = MemoryDatabase()
    for _ in range(3):
        await MemorySessionStore(database).create(new_session(), LIFETIMES, ORIGIN)
    return database


async def test_a_dry_run_only_counts(database: MemoryDatabase) -> None:
    ending = EndingSessions(
        ender=MemorySessionEnder(database), propagation=MemoryPropagation(database)
    )
    dry = await ending.revoke(OF_ADA, ADMIN, ORIGIN, dry_run=True)
    assert dry == EndedSessions(matched=3, revoked=0, effective_everywhere=True)
    for count in (3, 0):
        done = await ending.revoke(OF_ADA, ADMIN, ORIGIN, dry_run=False)
        assert done == EndedSessions(matched=count, revoked=count, effective_everywhere=True)


async def test_what_is_not_known_everywhere_is_not_promised(database: MemoryDatabase) -> None:
    ending = EndingSessions(
        ender=MemorySessionEnder(database), propagation=MemoryPropagation(database, reaches=False)
    )
    done = await ending.revoke(OF_ADA, ADMIN, ORIGIN, dry_run=False)
    assert not done.effective_everywhere


class Twice(MemoryPropagation):
    """Publishes every second time."""

    times: int = 0

    async def publish(self, about: About) -> bool:
        self.times += bool(about.keys)
        return self.times % 2 == 0 and await super().publish(about)


async def test_a_stretch_that_could_not_be_published_is_not_promised(
    database: MemoryDatabase,
) -> None:
    # The next one was, and so nothing is left to wait for in the end.
    ending = EndingSessions(ender=InTwo(database), propagation=Twice(database))
    done = await ending.revoke(OF_ADA, ADMIN, ORIGIN, dry_run=False)
    assert done == EndedSessions(matched=3, revoked=3, effective_everywhere=False)


class InTwo(MemorySessionEnder):
    """Looks at two sessions at once."""

    async def end_stretch(
        self, criteria: SessionCriteria, span: Span, reason: RevocationReason, origin: Origin
    ) -> Stretch:
        return await super().end_stretch(criteria, replace(span, length=2), reason, origin)


class Overtaken(MemorySessionEnder):
    """Comes to the sessions when all of the user's have just been ended."""

    async def end_stretch(
        self, criteria: SessionCriteria, span: Span, reason: RevocationReason, origin: Origin
    ) -> Stretch:
        del origin
        rows, end = self._found(criteria, span)
        self._database.end_user_sessions(ADA.user_id, reason)
        dead = tuple(SessionKey(user_id=ADA.user_id, session_id=one) for one in ids(rows))
        return Stretch(matched=len(rows), ended=0, end=end, dead=dead)


def ids(rows: list[SessionRow]) -> list[str]:
    return [row.grant.session_id for row in rows]


async def test_what_its_user_took_along_is_known_by_the_user(database: MemoryDatabase) -> None:
    grant = await MemorySessionStore(database).create(new_session(), LIFETIMES, ORIGIN)
    propagation = MemoryPropagation(database)
    ending = EndingSessions(ender=Overtaken(database), propagation=propagation)
    done = await ending.revoke(OF_ADA, ADMIN, ORIGIN, dry_run=False)
    assert done == EndedSessions(matched=4, revoked=0, effective_everywhere=True)
    assert propagation.death(access_claims(grant)) is not None


async def test_nothing_set_means_nobody(database: MemoryDatabase) -> None:
    ending = EndingSessions(
        ender=MemorySessionEnder(database), propagation=MemoryPropagation(database)
    )
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
