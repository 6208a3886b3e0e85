"""RevocationLog: entries in order, rows, and the identity of the data set that holds both."""

import asyncio
import time
from collections.abc import AsyncIterator
from functools import partial

import pytest
from support.log_entries import (
    LONG,
    SHORT,
    assert_begun_anew,
    assert_quiet,
    fact,
    granted,
    name,
)
from support.revocation_logs import (
    DataSet,
    MemoryServer,
    ServersByName,
    log_of,
)
from support.valkey_nodes import ValkeyCluster, WatchedPrimary

from tokenauthority_server.domain.revocation_ports import (
    BEGINNING,
    Granted,
    OtherData,
    Position,
    Renewed,
    RevocationLog,
    Row,
    Struck,
)
from tokenauthority_server.domain.revocations import FactKind


@pytest.fixture
async def cluster_data(cluster: ValkeyCluster) -> AsyncIterator[ServersByName]:
    async with log_of(cluster) as data:
        yield data


@pytest.fixture
async def sentinel_data(watched: WatchedPrimary) -> AsyncIterator[ServersByName]:
    async with log_of(watched) as data:
        yield data


@pytest.fixture(params=["memory", "redis", "cluster", "sentinel"])
def data(request: pytest.FixtureRequest) -> DataSet:
    if request.param == "memory":
        return MemoryServer()
    server: DataSet = request.getfixturevalue(f"{request.param}_data")
    return server


@pytest.fixture
def log(data: DataSet) -> RevocationLog:
    return data.log()


async def test_a_data_set_begins_empty_and_keeps_its_identity(data: DataSet) -> None:
    standing = await data.log().look()
    assert standing.identity
    assert standing.position == BEGINNING
    assert await data.log().look() == standing
    rows = await data.log().rows()
    assert (rows.identity, rows.end, rows.rows) == (standing.identity, BEGINNING, {})


async def test_those_who_come_first_at_once_make_one_data_set(data: DataSet) -> None:
    standings = await asyncio.gather(*(data.log().look() for _ in range(20)))
    assert len(set(standings)) == 1


async def test_what_is_appended_is_followed_in_order_and_to_the_letter(log: RevocationLog) -> None:
    identity = (await log.look()).identity
    facts = [fact(number, kind) for number, kind in enumerate(FactKind)]
    ends = [await log.append([one]) for one in facts]
    entries = await log.follow(BEGINNING, SHORT)
    assert [entry.facts for entry in entries] == [(one,) for one in facts]
    assert [entry.position for entry in entries] == [end.position for end in ends]
    assert [entry.previous for entry in entries] == [
        BEGINNING,
        *(end.position for end in ends[:-1]),
    ]
    assert {entry.identity for entry in entries} == {identity}
    assert await log.follow(ends[2].position, SHORT) == entries[3:]
    assert await log.look() == ends[-1]


async def test_no_facts_are_an_entry_too(log: RevocationLog) -> None:
    before = await log.append([fact()])
    barrier = await log.append([])
    assert barrier.position > before.position
    (entry,) = await log.follow(before.position, SHORT)
    assert (entry.position, entry.previous, entry.facts) == (
        barrier.position,
        before.position,
        (),
    )


async def test_many_facts_are_several_entries(log: RevocationLog) -> None:
    facts = [fact(number) for number in range(250)]
    end = await log.append(facts)
    entries = await log.follow(BEGINNING, SHORT)
    assert [len(entry.facts) for entry in entries] == [100, 100, 50]
    assert [one for entry in entries for one in entry.facts] == facts
    assert entries[-1].position == end.position
    assert [entry.previous for entry in entries] == [
        BEGINNING,
        *(entry.position for entry in entries[:-1]),
    ]


async def test_who_follows_is_woken_and_never_waits_longer(data: DataSet) -> None:
    began = time.monotonic()
    assert await data.log().follow(BEGINNING, SHORT) == []
    assert time.monotonic() - began >= SHORT * 0.9
    following = asyncio.create_task(data.log().follow(BEGINNING, LONG))
    await asyncio.sleep(SHORT)
    end = await data.log().append([fact()])
    async with asyncio.timeout(2):
        (entry,) = await following
    assert entry.position == end.position


async def test_places_only_grow_though_a_clock_goes_back(data: DataSet) -> None:
    log, ahead = data.log(), Position(9_000_000_000_000, 7)
    await log.look()
    await data.set_end(ahead)
    first, second = await log.append([fact()]), await log.append([fact()])
    assert first.position == ahead._replace(number=8)
    assert second.position == ahead._replace(number=9)
    assert [one.previous for one in await log.follow(ahead, SHORT)] == [ahead, first.position]


async def test_those_who_append_at_once_make_one_chain(data: DataSet) -> None:
    await asyncio.gather(*(data.log().append([fact(number)]) for number in range(50)))
    entries = await data.log().follow(BEGINNING, SHORT)
    assert len({entry.facts for entry in entries}) == 50
    place = BEGINNING
    for entry in entries:
        assert entry.previous == place < entry.position
        place = entry.position


async def test_a_grant_tells_what_came_after_the_place(log: RevocationLog) -> None:
    standing = await log.append([fact(1)])
    end = await log.append([fact(2)])
    identity, row = standing.identity, name()
    answer = await log.grant(identity, row, standing.position)
    assert isinstance(answer, Granted)
    assert answer.end == end.position
    assert list(answer.entries) == list(await log.follow(standing.position, SHORT))
    rows = await log.rows()
    assert rows.rows == {row: Row(0, standing.position)}
    assert rows.end == end.position
    assert await log.grant(identity, name(), end.position) == Granted([], end.position)


async def test_a_huge_grant_is_none(log: RevocationLog, monkeypatch: pytest.MonkeyPatch) -> None:
    standing = await log.append([fact()])
    for module in ("memory.revocation_log", "redis.entries"):
        monkeypatch.setattr(f"tokenauthority_server.adapters.{module}.MOST_FACTS", 1)
    for _ in range(20):
        end = await log.append([fact()] * 500)
    answer = await log.grant(standing.identity, name(), standing.position)
    assert isinstance(answer, Granted)
    assert (len(answer.entries), answer.end) == (10_000, end.position)
    assert await log.grant(standing.identity, name(), BEGINNING) == Granted([], end.position)


async def test_a_renewal_moves_the_row(log: RevocationLog) -> None:
    identity, row = await granted(log)
    end = (await log.append([fact()])).position
    assert await log.renew(identity, row, Row(1, end), tell=False) == Renewed(end)
    assert (await log.rows()).rows == {row: Row(1, end)}


@pytest.mark.parametrize("late", [4, 5])
async def test_a_renewal_that_comes_late_or_twice_is_none(log: RevocationLog, late: int) -> None:
    # The guard: the counter only grows. Without it a revoker that saw 5 before would strike a row
    # that has been at 6 since.
    identity, row = (await log.look()).identity, name()
    await log.grant(identity, row, BEGINNING)
    for counter in (5, 6):
        await log.renew(identity, row, Row(counter, BEGINNING), tell=False)
    assert await log.renew(identity, row, Row(late, BEGINNING), tell=False) == Struck()
    assert not await log.strike(identity, row, late)
    assert (await log.rows()).rows[row] == Row(6, BEGINNING)


async def test_a_row_that_is_not_there_is_not_renewed(log: RevocationLog) -> None:
    identity, row = await granted(log)
    await log.leave(row)
    await log.leave(row)
    assert await log.renew(identity, row, Row(1, BEGINNING), tell=True) == Struck()
    assert (await log.rows()).rows == {}


async def test_only_a_row_that_has_not_moved_is_struck(log: RevocationLog) -> None:
    identity, row = await granted(log)
    await log.renew(identity, row, Row(12, BEGINNING), tell=False)
    assert not await log.strike(identity, row, 0)
    assert not await log.strike(identity, row, 1)
    assert not await log.strike("another", row, 12)
    assert not await log.strike(identity, "another", 12)
    assert (await log.rows()).rows == {row: Row(12, BEGINNING)}
    assert await log.strike(identity, row, 12)
    assert (await log.rows()).rows == {}
    assert not await log.strike(identity, row, 12)


async def test_nothing_is_done_under_another_identity(log: RevocationLog) -> None:
    identity, row = await granted(log)
    assert await log.grant("another", name(), BEGINNING) == OtherData(identity)
    answer = await log.renew("another", row, Row(1, BEGINNING), tell=True)
    assert answer == OtherData(identity)
    assert (await log.rows()).rows == {row: Row(0, BEGINNING)}


async def test_an_emptied_store_is_another_data_set(data: DataSet, log: RevocationLog) -> None:
    identity, row = await granted(log)
    await log.append([fact()])
    await data.empty()
    await assert_begun_anew(log, identity, row)


async def test_a_promoted_replica_is_another_data_set(data: DataSet, log: RevocationLog) -> None:
    identity, row = await granted(log)
    await log.append([fact()])
    await data.promote()
    await assert_begun_anew(log, identity, row)


async def waiting(log: RevocationLog) -> asyncio.Task[None]:
    """Return the task of one who waits, and has known from when for a while."""
    await log.wait_for_reports(SHORT)
    task = asyncio.create_task(log.wait_for_reports(LONG))
    await asyncio.sleep(SHORT)
    assert not task.done()
    return task


async def assert_woken(task: asyncio.Task[None]) -> None:
    async with asyncio.timeout(2):
        await task


async def test_who_waits_for_reports_is_woken(data: DataSet, log: RevocationLog) -> None:
    identity, row = await granted(log)
    other = (await granted(log))[1]
    waiter = data.log()
    for act in (
        partial(log.renew, identity, row, Row(1, BEGINNING), tell=True),
        partial(log.strike, identity, row, 1),
        partial(log.leave, other),
    ):
        task = await waiting(waiter)
        await act()
        await assert_woken(task)


async def test_another_identity_wakes_who_waits(data: DataSet, log: RevocationLog) -> None:
    await log.look()
    task = await waiting(data.log())
    await data.empty()
    await log.look()
    await assert_woken(task)


async def test_what_moves_nothing_wakes_nobody(data: DataSet, log: RevocationLog) -> None:
    identity, row = await granted(log)
    task = await waiting(data.log())
    await log.renew(identity, row, Row(1, BEGINNING), tell=False)
    await log.renew(identity, name(), Row(1, BEGINNING), tell=True)
    await log.strike(identity, row, 0)
    await log.leave(name())
    await log.append([fact()])
    await asyncio.sleep(SHORT)
    assert not task.done()
    await log.leave(row)
    await assert_woken(task)


async def test_reports_between_two_calls_are_not_missed(data: DataSet, log: RevocationLog) -> None:
    identity, row = await granted(log)
    await log.renew(identity, row, Row(1, BEGINNING), tell=True)
    waiter = data.log()
    began = time.monotonic()
    await waiter.wait_for_reports(SHORT)
    # What was told before the first call is not waited for.
    assert time.monotonic() - began >= SHORT * 0.9
    await log.renew(identity, row, Row(2, BEGINNING), tell=True)
    async with asyncio.timeout(2):
        await waiter.wait_for_reports(LONG)
    await assert_quiet(waiter)
