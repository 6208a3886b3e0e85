"""What a revocation does when it has been committed, and what it says of that."""

import asyncio

import pytest
from unit.revocation.hand_ticks import turns
from unit.revocation.processes import TERMS, Process, World, about, all_of, running

from tokenauthority_server.domain.revocations import About
from tokenauthority_server.revocation.healing import HEALING_SECONDS, HINT_SECONDS

KNOWN = TERMS.lease + 0.1


async def test_it_tells_how_long_that_took() -> None:
    world = World()
    one = Process(world)
    told: list[tuple[bool, float]] = []
    one.revoker.observe = lambda effective, seconds: told.append((effective, seconds))
    async with running(*all_of(one)):
        revoking = asyncio.ensure_future(one.revoke("a"))
        await world.ticks.go_on(KNOWN)
        assert await revoking is True
        ((effective, seconds),) = told
        assert effective
        assert seconds == pytest.approx(TERMS.lease, abs=0.1)


async def test_what_was_never_there_is_dead_everywhere() -> None:
    world = World()
    one = Process(world)
    async with running(*all_of(one)):
        assert await one.revoker.settle(about("never")) is True
        assert not world.data_set.entries


async def test_without_facts_of_its_own_it_waits_for_all_that_was_published() -> None:
    world = World()
    one, other = Process(world), Process(world)
    async with running(*all_of(one, other)):
        await world.ticks.go_on(KNOWN)
        other.network.holds["follow"] = asyncio.Event()
        world.commit("a")
        assert await one.revoker.publish(about("a")) is True
        settling = asyncio.ensure_future(one.revoker.settle(About()))
        await world.ticks.go_on(0.5)
        assert not settling.done()
        other.network.holds["follow"].set()
        await turns()
        assert settling.done()
        assert settling.result() is True
        assert other.says_alive("a") is False


@pytest.mark.parametrize("name", ["append", "about"])
async def test_where_a_store_is_away_that_is_said_at_once_and_it_converges(name: str) -> None:
    world = World()
    one, other = Process(world), Process(world)
    async with running(*all_of(one, other)):
        await world.ticks.go_on(KNOWN)
        one.network.cut(name)
        assert await one.revoke("a") is False
        assert await one.revoker.publish(about("a")) is False
        one.network.fails.clear()
        await world.ticks.go_on(2 * HINT_SECONDS)
        assert one.says_alive("a") is other.says_alive("a") is False


async def test_a_fault_of_ours_is_no_failure_of_what_is_committed() -> None:
    world = World()
    one = Process(world)
    async with running(*all_of(one)):
        await world.ticks.go_on(KNOWN)
        one.network.fails["append"] = RuntimeError("a mistake")
        assert await one.revoke("a") is False
        assert await one.revoker.publish(about("a")) is False


async def test_what_could_not_be_appended_is_passed_on_to_watchers_at_once() -> None:
    world = World()
    one = Process(world)
    async with running(one.verifier.run):
        one.network.cut("append")
        assert await one.revoke("a") is False
        assert one.watchers.told == [(None, ("a",))]


async def test_a_caller_who_gives_up_does_not_keep_it_from_spreading() -> None:
    world = World()
    one, other = Process(world), Process(world)
    async with running(*all_of(one, other)):
        await world.ticks.go_on(KNOWN)
        one.network.holds["about"] = asyncio.Event()
        revoking = asyncio.ensure_future(one.revoke("a"))
        await turns()
        revoking.cancel()
        await turns()
        assert revoking.cancelled()
        await world.ticks.go_on(2 * HINT_SECONDS)
        assert one.says_alive("a") is other.says_alive("a") is False


async def test_what_only_the_store_knows_is_known_here_at_once_and_elsewhere_by_the_log() -> None:
    world = World()
    one, other = Process(world), Process(world)
    async with running(*all_of(one), other.verifier.run):
        await world.ticks.go_on(KNOWN)
        world.commit("a")
        await one.revoker.publish_new()
        assert one.says_alive("a") is False
        await turns()
        assert other.says_alive("a") is False
        world.commit("b")
        one.network.cut("since")
        await one.revoker.publish_new()
        assert one.says_alive("b") is True


async def test_what_a_command_appends_is_waited_for_without_a_verifier_of_its_own() -> None:
    world = World()
    one, command = Process(world), Process(world)
    async with running(*all_of(one), command.rows.run):
        revoking = asyncio.ensure_future(command.revoke("a"))
        await world.ticks.go_on(KNOWN)
        assert revoking.done()
        assert revoking.result() is True
        assert one.says_alive("a") is False
        await world.ticks.go_on(2 * HEALING_SECONDS)
