"""A pass of the janitor: all that can go, in fair turns, within its time."""

from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from support.asking import LIFETIMES, ORIGIN, new_session

from tokenauthority_server.adapters.memory import (
    MemoryDatabase,
    MemorySessionRevoker,
    MemorySessionStore,
    MemoryUpkeep,
)
from tokenauthority_server.domain.errors import StoreUnavailableError
from tokenauthority_server.domain.revocations import RevocationReason
from tokenauthority_server.domain.upkeep import Leftover
from tokenauthority_server.services.upkeep import BATCH, Janitor

KEEP = timedelta(days=365)
SWEEP_SECONDS = 0.5
MANY = 20 * BATCH
TURNS = list(Leftover)


@dataclass
class Piles:
    """An Upkeep over what is left of each kind; every sweep takes half a second of its clock."""

    left: dict[Leftover, int]
    away_after: int = 1_000
    swept: list[Leftover] = field(default_factory=list)
    months: list[tuple[int, timedelta]] = field(default_factory=list)

    async def sweep(self, what: Leftover, batch: int, keep: timedelta) -> int:
        assert keep == KEEP
        if len(self.swept) == self.away_after:
            raise StoreUnavailableError("PostgreSQL")
        self.swept.append(what)
        removed = min(batch, self.left.get(what, 0))
        self.left[what] = self.left.get(what, 0) - removed
        return removed

    async def turn_months(self, ahead: int, keep: timedelta) -> int:
        assert not self.swept  # a month that goes as a whole need not be swept
        self.months.append((ahead, keep))
        return 3

    def clock(self) -> float:
        return len(self.swept) * SWEEP_SECONDS


def janitor(piles: Piles) -> Janitor:
    return Janitor(upkeep=piles, keep=KEEP, now=piles.clock)


async def test_nothing_to_do_is_asked_once_of_every_kind() -> None:
    piles = Piles({})

    done = await janitor(piles).tidy(60)

    assert piles.swept == TURNS
    assert done.finished
    assert done.removed == dict.fromkeys(Leftover, 0)
    assert done.months == 3
    assert piles.months == [(2, KEEP)]


async def test_batch_by_batch_until_nothing_is_left() -> None:
    piles = Piles({Leftover.SESSIONS: 2 * BATCH, Leftover.FACTS: BATCH + 1, TURNS[-1]: 7})

    done = await janitor(piles).tidy(60)

    assert done.finished
    assert done.removed == {
        **dict.fromkeys(Leftover, 0),
        Leftover.SESSIONS: 2 * BATCH,
        Leftover.FACTS: BATCH + 1,
        TURNS[-1]: 7,
    }
    # A kind that has been found empty is not asked again.
    both = [Leftover.SESSIONS, Leftover.FACTS]
    assert piles.swept == [*TURNS, *both, Leftover.SESSIONS]


@pytest.mark.parametrize("great", list(Leftover))
async def test_no_kind_keeps_another_from_its_turn(great: Leftover) -> None:
    piles = Piles({what: MANY if what is great else 1 for what in Leftover})

    done = await janitor(piles).tidy(0)

    assert piles.swept == TURNS
    assert not done.finished
    assert done.removed == {what: BATCH if what is great else 1 for what in Leftover}


async def test_it_ends_when_its_time_is_up_and_the_next_pass_goes_on() -> None:
    piles = Piles({Leftover.SESSIONS: MANY, Leftover.FACTS: MANY})
    rounds = 4
    seconds = SWEEP_SECONDS * (len(TURNS) + 2 * (rounds - 1))

    first = await janitor(piles).tidy(seconds)
    second = await janitor(Piles(piles.left)).tidy(60)

    assert not first.finished
    assert first.removed[Leftover.SESSIONS] == first.removed[Leftover.FACTS] == rounds * BATCH
    assert second.finished
    assert second.removed[Leftover.SESSIONS] == MANY - rounds * BATCH


async def test_what_was_removed_before_a_failure_is_noted() -> None:
    piles = Piles({Leftover.SESSIONS: MANY}, away_after=len(TURNS) + 1)
    noted: list[tuple[Leftover, int]] = []

    with pytest.raises(StoreUnavailableError):
        await janitor(piles).tidy(60, lambda what, removed: noted.append((what, removed)))

    batches = {what: sum(count for one, count in noted if one is what) for what in Leftover}
    assert batches == {**dict.fromkeys(Leftover, 0), Leftover.SESSIONS: 2 * BATCH}


async def test_over_a_store() -> None:
    database = MemoryDatabase()
    sessions, revoker = MemorySessionStore(database), MemorySessionRevoker(database)
    ended = await sessions.create(new_session(), LIFETIMES, ORIGIN)
    kept = await sessions.create(new_session(), LIFETIMES, ORIGIN)
    await revoker.end_session(ended.session_id, None, RevocationReason.LOGOUT, ORIGIN)
    database.clock.advance(timedelta(days=2))

    done = await Janitor(upkeep=MemoryUpkeep(database), keep=timedelta(days=1)).tidy(60)

    gone = {Leftover.SESSIONS: 1, Leftover.FACTS: 1, Leftover.AUDIT_EVENTS: 4}
    assert done.removed == dict.fromkeys(Leftover, 0) | gone
    assert done.finished
    assert set(database.sessions) == {kept.session_id}
