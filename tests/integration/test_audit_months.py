"""The audit trail's months come and go while everyone goes on writing and reading."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from support.authority import Served
from support.callers import ANN
from support.leftovers import upkeep_of
from support.postgres import Connection
from support.waiting import eventually

from tokenauthority_server.domain.ports import Upkeep
from tokenauthority_server.domain.upkeep import Leftover

AHEAD = 2
YEAR = timedelta(days=365)
OLD = [datetime(2020, month, 1, tzinfo=UTC) for month in (1, 2, 3)]

MONTHS = """
SELECT c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
WHERE i.inhparent = 'tokenauthority.audit_events'::regclass ORDER BY c.relname
"""
EVENT = """
INSERT INTO tokenauthority.audit_events (user_id, event_id, kind)
VALUES ('u-1', tokenauthority.audit_bound_v1($1), 'an old one')
"""
NEXT = "date_trunc('month', now() AT TIME ZONE 'UTC') + interval '1 month'"


@pytest.fixture
async def upkeep(database_url: str) -> AsyncIterator[Upkeep]:
    async with upkeep_of(database_url) as upkeep:
        yield upkeep


async def months(database: Connection) -> list[str]:
    return [row["relname"] for row in await database.fetch(MONTHS)]


async def add_old_months(database: Connection) -> list[str]:
    """Make months of long ago, each with an event; return their names."""
    names = []
    for first in OLD:
        names.append(f"audit_events_{first:%Y_%m}")
        last = first + timedelta(days=31)
        await database.execute(
            f"CREATE TABLE tokenauthority.{names[-1]} PARTITION OF tokenauthority.audit_events FOR "
            f"VALUES FROM ('{await bound(database, first)}')"
            f" TO ('{await bound(database, last.replace(day=1))}')"
        )
        await database.execute(EVENT, first + timedelta(days=3))
    return names


async def bound(database: Connection, at: datetime) -> str:
    return str(await database.fetchval("SELECT tokenauthority.audit_bound_v1($1)", at))


async def drop_next(database: Connection) -> str:
    """Drop the month after this one, which has no events yet; return its name."""
    name = await database.fetchval(f"SELECT 'audit_events_' || to_char({NEXT}, 'YYYY_MM')")
    await database.execute(f"DROP TABLE tokenauthority.{name}")
    return str(name)


async def test_what_is_missing_is_made(database: Connection, upkeep: Upkeep) -> None:
    before = await months(database)
    # The migration made them: this month, those ahead, and the rest.
    assert len(before) == 1 + AHEAD + 1
    assert await upkeep.turn_months(AHEAD, YEAR) == 0

    await drop_next(database)
    assert await upkeep.turn_months(AHEAD, YEAR) == 1
    assert await months(database) == before
    assert await upkeep.turn_months(AHEAD + 1, YEAR) == 1
    assert len(await months(database)) == len(before) + 1


async def test_a_new_event_is_in_its_month(
    database: Connection, upkeep: Upkeep, authority: Served
) -> None:
    await upkeep.turn_months(AHEAD, YEAR)
    await authority.client.create_pair(ANN)

    found = await database.fetch(
        "SELECT relname, occurred_at FROM tokenauthority.audit_events AS e"
        " JOIN pg_class AS c ON c.oid = e.tableoid"
    )
    assert found
    for row in found:
        assert row["relname"] == f"audit_events_{row['occurred_at']:%Y_%m}"


async def test_a_month_goes_when_its_last_event_has_been_kept_long_enough(
    database: Connection, upkeep: Upkeep
) -> None:
    old = await add_old_months(database)
    now: datetime = await database.fetchval("SELECT now()")
    end_of_january = datetime(2020, 2, 1, tzinfo=UTC)

    assert await upkeep.turn_months(AHEAD, now - end_of_january + timedelta(minutes=1)) == 0
    assert await upkeep.turn_months(AHEAD, now - end_of_january - timedelta(minutes=1)) == 1
    assert not set(old[:1]) & set(await months(database))
    assert await upkeep.turn_months(AHEAD, YEAR) == 2
    assert not set(old) & set(await months(database))
    # What is younger, and the rest, are as they were.
    assert len(await months(database)) == 1 + AHEAD + 1


async def test_an_event_goes_to_the_day_while_its_month_stays(
    database: Connection, upkeep: Upkeep
) -> None:
    # With it go the address and the agent that it told of: they are kept for AUDIT_DAYS, not for
    # the rest of the month.
    await add_old_months(database)
    before = await months(database)
    await database.execute(EVENT, datetime(2020, 1, 20, tzinfo=UTC))
    now: datetime = await database.fetchval("SELECT now()")

    keep = now - datetime(2020, 1, 10, tzinfo=UTC)
    assert await upkeep.turn_months(AHEAD, keep) == 0
    assert await upkeep.sweep(Leftover.AUDIT_EVENTS, 100, keep) == 1

    assert await months(database) == before
    left = "SELECT count(*) FROM tokenauthority.audit_events_2020_01"
    assert await database.fetchval(left) == 1


async def test_a_month_whose_events_have_gone_to_the_rest_stays_there(
    database: Connection, upkeep: Upkeep
) -> None:
    name = await drop_next(database)
    await database.execute(EVENT, await database.fetchval(f"SELECT ({NEXT}) AT TIME ZONE 'UTC'"))

    assert await upkeep.turn_months(AHEAD, YEAR) == 0

    assert name not in await months(database)
    kept = "SELECT count(*) FROM tokenauthority.audit_events_rest"
    assert await database.fetchval(kept) == 1
    # When it has gone, the month is made after all.
    await database.execute("DELETE FROM tokenauthority.audit_events_rest")
    assert await upkeep.turn_months(AHEAD, YEAR) == 1
    assert name in await months(database)


async def test_a_role_that_may_make_no_tables_leaves_it_at_that(database: Connection) -> None:
    await add_old_months(database)
    await drop_next(database)
    before = await months(database)
    transaction = database.transaction()
    await transaction.start()
    role = f"writer_{await database.fetchval('SELECT txid_current()')}"
    await database.execute(f"CREATE ROLE {role}")
    await database.execute(f"GRANT USAGE ON SCHEMA tokenauthority TO {role}")
    await database.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA tokenauthority TO {role}")
    await database.execute(f"SET LOCAL ROLE {role}")

    assert await database.fetchval("SELECT tokenauthority.add_audit_months_v1(2)") == 0
    assert await database.fetchval("SELECT tokenauthority.drop_audit_months_v1('1 year')") == 0
    assert await months(database) == before
    await transaction.rollback()


async def test_months_turn_while_everyone_writes(
    database: Connection, upkeep: Upkeep, authority: Served
) -> None:
    await add_old_months(database)
    await drop_next(database)

    async def turned() -> bool:
        # Where a writer was in its way, it has left something for later.
        await upkeep.turn_months(AHEAD, YEAR)
        return len(await months(database)) == 1 + AHEAD + 1

    async with writing(authority) as written:
        await eventually(turned)
        await written(5)


async def test_two_who_turn_months_at_once(database: Connection, database_url: str) -> None:
    await add_old_months(database)
    await drop_next(database)
    async with upkeep_of(database_url) as one, upkeep_of(database_url) as other:
        turned = await asyncio.gather(*(each.turn_months(AHEAD, YEAR) for each in (one, other)))
        # Where both came at the same time, one of them left something for later.
        turned.append(await one.turn_months(AHEAD, YEAR))

    assert sum(turned) == len(OLD) + 1
    assert len(await months(database)) == 1 + AHEAD + 1


@pytest.mark.parametrize("read", ["audit_events", "audit_events_rest", "audit_events_2020_02"])
async def test_a_long_reader_holds_up_the_months_and_no_writer(
    database: Connection, database_url: str, upkeep: Upkeep, authority: Served, read: str
) -> None:
    # Seen failing without the lock_timeout of the two functions: they wait for the reader, the
    # writers wait behind them, and have no answer in time.
    await add_old_months(database)
    await drop_next(database)
    reader = await asyncpg.connect(database_url)
    try:
        async with reader.transaction(), writing(authority) as written:
            await reader.fetch(f"SELECT * FROM tokenauthority.{read}")  # noqa: S608
            first = await upkeep.turn_months(AHEAD, YEAR)
            await written(5)
            assert first < len(OLD) + 1
    finally:
        await reader.close()

    assert first + await upkeep.turn_months(AHEAD, YEAR) == len(OLD) + 1
    assert len(await months(database)) == 1 + AHEAD + 1


@asynccontextmanager
async def writing(authority: Served) -> AsyncIterator[Callable[[int], Awaitable[None]]]:
    """Write to the audit trail all the while, from several sides; give what waits for more of it.

    Whoever is held up for longer than a store may take gets an error, and so does the test.
    """
    writes = 0
    until = time.monotonic() + 20

    async def write() -> None:
        nonlocal writes
        while time.monotonic() < until:
            pair = await authority.client.create_pair(ANN)
            await authority.client.revoke_session(pair.session_id)
            writes += 1

    async with asyncio.TaskGroup() as group:
        writers = [group.create_task(write()) for _ in range(2)]

        async def more(count: int) -> None:
            wanted = writes + count
            while writes < wanted:  # noqa: ASYNC110 - whoever writes tells nobody
                await asyncio.sleep(0.005)

        await more(1)
        yield more
        for writer in writers:
            writer.cancel()
