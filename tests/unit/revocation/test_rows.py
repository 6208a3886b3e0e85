"""A revoker waits for every verifier, and for none longer than a lease."""

import asyncio

from structlog.testing import capture_logs
from unit.revocation.hand_ticks import turns
from unit.revocation.processes import TERMS, Process, World, all_of, running

from tokenauthority_server.domain.deadlines import set_seconds_left
from tokenauthority_server.domain.revocation_ports import BEGINNING, Row, Standing
from tokenauthority_server.revocation.leases import Terms, row_name

KNOWN = TERMS.lease + 0.1
"""After this a data set has been known for a lease."""


async def test_everybody_is_waited_for_and_reports_end_the_wait() -> None:
    world = World()
    one, other = Process(world), Process(world)
    async with running(*all_of(one, other)):
        await world.ticks.go_on(KNOWN)
        assert one.rows.verifiers == 2
        other.network.holds["follow"] = asyncio.Event()
        revoking = asyncio.ensure_future(one.revoke("a"))
        await world.ticks.go_on(0.5)
        assert not revoking.done()
        assert other.says_alive("a") is True
        other.network.holds["follow"].set()
        await turns()
        assert revoking.done()
        assert revoking.result() is True
        assert other.says_alive("a") is False


async def test_a_data_set_that_is_new_is_trusted_when_it_has_been_known_for_a_lease() -> None:
    world = World()
    one = Process(world)
    async with running(*all_of(one)):
        await world.ticks.go_on(KNOWN)
        world.data_set.empty()
        revoking = asyncio.ensure_future(one.revoke("a"))
        await world.ticks.go_on(TERMS.lease - 0.1)
        assert not revoking.done()
        await world.ticks.go_on(0.2)
        assert revoking.done()
        assert revoking.result() is True


async def test_a_verifier_that_died_is_struck_when_its_lease_is_over_and_waited_for_no_more() -> (
    None
):
    world = World()
    one, other = Process(world), Process(world)
    async with running(*all_of(one)):
        async with running(other.verifier.run):
            await world.ticks.go_on(KNOWN)
        revoking = asyncio.ensure_future(one.revoke("a"))
        await world.ticks.go_on(TERMS.lease - TERMS.heartbeat - 0.1)
        assert not revoking.done()
        await world.ticks.go_on(TERMS.heartbeat + 0.2)
        assert revoking.done()
        assert revoking.result() is True
        assert one.rows.struck == one.rows.verifiers == 1
        assert await one.revoke("b") is True


async def test_the_dead_are_struck_though_nobody_revokes() -> None:
    world = World()
    one = Process(world)
    world.rows["dead"] = Row(3, BEGINNING)
    async with running(one.rows.run):
        await world.ticks.go_on(TERMS.lease + TERMS.heartbeat)
        assert not world.rows


async def test_who_is_struck_is_waited_for_no_more_in_the_same_look() -> None:
    world = World()
    one = Process(world)
    world.rows["dead"] = Row(3, BEGINNING)
    await one.rows._look()
    world.ticks.jump(TERMS.lease)
    await one.rows._look()
    assert one.rows.verifiers == 0


async def test_a_row_that_was_moved_meanwhile_is_not_struck() -> None:
    world = World()
    one = Process(world)
    world.rows["slow"] = Row(3, BEGINNING)
    async with running(one.rows.run):
        await world.ticks.go_on(TERMS.lease - 0.5)
        one.network.holds["rows"] = asyncio.Event()
        await world.ticks.go_on(0.5)
        world.rows["slow"] = Row(4, BEGINNING)
        one.network.holds["rows"].set()
        await turns()
        assert one.rows.struck == 0
        assert world.rows


async def test_another_data_set_makes_the_wait_end_in_vain() -> None:
    world = World()
    one = Process(world)
    async with running(*all_of(one)):
        await world.ticks.go_on(KNOWN)
        one.network.holds["append"] = asyncio.Event()
        revoking = asyncio.ensure_future(one.revoke("a"))
        await turns()
        world.data_set.empty()
        one.network.holds["append"].set()
        await turns()
        assert revoking.done()
        assert revoking.result() is False


async def test_the_wait_ends_in_vain_when_nothing_can_be_seen() -> None:
    world = World()
    one = Process(world)
    async with running(*all_of(one)):
        await world.ticks.go_on(KNOWN)
        one.network.cut("rows")
        one.network.cut("wait_for_reports")
        revoking = asyncio.ensure_future(one.revoke("a"))
        await world.ticks.go_on(TERMS.longest_wait - 0.1)
        assert not revoking.done()
        await world.ticks.go_on(0.2)
        assert revoking.done()
        assert revoking.result() is False
        one.network.fails.clear()
        await world.ticks.go_on(TERMS.heartbeat)
        assert await one.revoke("b") is True


async def test_the_wait_ends_before_the_call_does() -> None:
    world = World()
    one = Process(world)
    async with running(*all_of(one)):
        await world.ticks.go_on(KNOWN)
        one.network.cut("rows")
        one.network.cut("wait_for_reports")

        async def revoke_within_a_second() -> bool:
            set_seconds_left(1.0)
            return await one.revoke("a")

        revoking = asyncio.ensure_future(revoke_within_a_second())
        await world.ticks.go_on(1.0)
        assert revoking.done()
        assert revoking.result() is False


async def test_rows_that_were_read_before_the_place_was_there_tell_nothing() -> None:
    world = World()
    one, other = Process(world), Process(world)
    async with running(one.rows.run):
        await world.ticks.go_on(KNOWN)
        one.network.holds["rows"] = asyncio.Event()
        await world.ticks.go_on(TERMS.heartbeat)
        # The rows have been read, and the answer is on its way.
        standing = await other.log.append([])
        world.rows["new"] = Row(0, BEGINNING)
        passing = asyncio.ensure_future(one.rows.passed(standing))
        await turns()
        one.network.holds["rows"].set()
        await turns()
        assert not passing.done()
        world.rows["new"] = Row(1, standing.position)
        world.data_set.tell()
        await turns()
        assert passing.done()
        assert passing.result() is True


async def test_a_caller_who_gives_up_leaves_nothing_behind() -> None:
    world = World()
    one = Process(world)
    async with running(one.rows.run):
        before = asyncio.all_tasks()
        passing = [
            asyncio.ensure_future(one.rows.passed(Standing("", BEGINNING))) for _ in range(3)
        ]
        passing[0].cancel()
        await turns()
        assert [one.done() for one in passing] == [True] * 3
        assert [one.result() for one in passing[1:]] == [False] * 2
        assert not one.rows._waiting
        assert not one.rows._anyone_waits.is_set()
        await world.ticks.go_on(TERMS.heartbeat)
        assert len(asyncio.all_tasks()) <= len(before) + 1


async def test_whatever_fails_it_goes_on() -> None:
    world = World()
    one = Process(world)
    async with running(*all_of(one)):
        await world.ticks.go_on(KNOWN)
        one.network.fails["rows"] = LookupError("rows")
        one.network.fails["wait_for_reports"] = LookupError("reports")
        with capture_logs() as logs:
            revoking = asyncio.ensure_future(one.revoke("a"))
            await world.ticks.go_on(TERMS.heartbeat)
        assert {line["event"] for line in logs} == {"watching the verifiers' rows fails"}
        one.network.fails.clear()
        await world.ticks.go_on(TERMS.heartbeat)
        assert revoking.done()
        assert revoking.result() is True


async def test_a_wait_is_no_busy_loop() -> None:
    world = World()
    one, other = Process(world), Process(world)
    async with running(*all_of(one, other)):
        await world.ticks.go_on(KNOWN)
        other.network.holds["follow"] = asyncio.Event()
        other.network.holds["renew"] = asyncio.Event()
        one.network.asked.clear()
        revoking = asyncio.ensure_future(one.revoke("a"))
        await world.ticks.go_on(TERMS.longest_wait + 1)
        assert revoking.done()
        assert one.network.asked.count("rows") < 30


async def test_a_row_of_a_longer_lease_is_written_off_when_that_is_over() -> None:
    # The guard: the lease that the row's name tells. Without it the shorter one counted.
    world = World()
    one = Process(world)
    longer = row_name("other", Terms(2 * TERMS.lease))
    async with running(*all_of(one)):
        await world.ticks.go_on(KNOWN)
        identity = (await one.log.look()).identity
        await one.log.grant(identity, longer, BEGINNING)
        await world.ticks.go_on(TERMS.lease + TERMS.heartbeat)
        assert longer in world.rows
        await world.ticks.go_on(TERMS.lease + TERMS.heartbeat)
        assert longer not in world.rows
