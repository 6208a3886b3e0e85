"""The verifier begins anew wherever it may have missed something, and holds no lease meanwhile."""

import asyncio

import pytest
from unit.revocation.hand_ticks import turns
from unit.revocation.processes import TERMS, Process, World, live, running

from tokenauthority_server.domain.revocation_ports import BEGINNING, Position
from tokenauthority_server.revocation import verifier as module


async def test_a_missing_entry_costs_the_lease_until_the_database_was_asked() -> None:
    world = World()
    one, other = Process(world), Process(world)
    async with running(one.verifier.run):
        world.commit("a")
        await other.log.append([live("a")])
        world.data_set.found().log.clear()
        await other.log.append([])
        await turns()
        assert not one.is_leased()
        assert not world.rows
        await world.ticks.go_on(0.5)
        assert one.says_alive("a") is False
        assert one.network.asked.count("page") == 1


async def test_all_is_loaded_once_more_where_the_database_cannot_tell_what_is_new() -> None:
    world = World()
    one = Process(world)
    async with running(one.verifier.run):
        world.commit("a")
        world.database.starts += 1
        world.data_set.empty()
        await world.ticks.go_on(2 * TERMS.heartbeat)
        assert one.says_alive("a") is False
        assert one.network.asked.count("page") == 2


async def test_an_emptied_data_set_costs_the_lease_at_once_and_what_was_told_of_it() -> None:
    world = World()
    one, other = Process(world), Process(world)
    async with running(one.verifier.run):
        await other.log.append([])
        await turns()
        world.data_set.empty()
        one.network.holds["look"] = asyncio.Event()
        await world.ticks.go_on(TERMS.heartbeat)
        assert not one.is_leased()
        one.network.holds["look"].set()
        await world.ticks.go_on(1)
        assert one.is_leased()
        assert one.verifier.reported == Position(0, 0)
        assert [begun.position for begun in one.watchers.begun] == [Position(0, 0)] * 2


async def test_an_entry_of_another_data_set_costs_the_lease_at_once() -> None:
    world = World()
    one, other = Process(world), Process(world)
    async with running(one.verifier.run):
        one.network.cut("renew")
        world.data_set.empty()
        await other.log.append([])
        await turns()
        assert not one.is_leased()
        one.network.fails.clear()
        await world.ticks.go_on(1)
        assert one.is_leased()


async def test_a_data_set_that_is_always_another_one_is_not_asked_without_a_pause() -> None:
    world = World()
    one, other = Process(world), Process(world)
    async with running(one.verifier.run):
        for _ in range(100):
            world.data_set.empty()
            await other.log.append([])
            await world.ticks.go_on(0.01)
        assert one.verifier.begun <= 1 + 1 / module.PAUSE_SECONDS
        await world.ticks.go_on(1)
        assert one.is_leased()


async def test_a_data_set_that_changes_before_the_grant_gives_none() -> None:
    world = World()
    one = Process(world)
    one.network.holds["page"] = asyncio.Event()
    async with running(one.verifier.run):
        world.data_set.empty()
        one.network.holds["page"].set()
        await turns()
        assert not one.is_leased()
        await world.ticks.go_on(1)
        assert one.is_leased()


async def test_what_is_missed_while_all_is_loaded_lets_it_begin_once_more() -> None:
    world = World()
    one, other = Process(world), Process(world)
    one.network.holds["page"] = asyncio.Event()
    async with running(one.verifier.run):
        world.data_set.empty()
        await other.log.append([])
        await turns()
        one.network.holds["page"].set()
        await turns()
        assert not world.rows
        await world.ticks.go_on(1)
        assert one.is_leased()


@pytest.mark.parametrize("name", ["grant", "renew"])
async def test_an_answer_that_comes_after_something_was_missed_gives_no_lease(name: str) -> None:
    world = World()
    one, other = Process(world), Process(world)
    async with running(one.verifier.run):
        if name == "grant":
            world.rows.clear()
        one.network.holds[name] = asyncio.Event()
        await world.ticks.go_on(TERMS.heartbeat + 0.5)
        world.commit("a")
        await other.log.append([live("a")])
        world.data_set.found().log.clear()
        await other.log.append([])
        one.network.holds["look"] = asyncio.Event()
        await turns()
        one.network.holds[name].set()
        await turns()
        assert one.says_alive("a") is None
        assert one.verifier.lease_left() == 0
        one.network.holds["look"].set()
        await world.ticks.go_on(1)
        assert one.says_alive("a") is False
        assert len(world.rows) == 1


async def test_what_fails_while_all_is_loaded_does_not_end_the_following() -> None:
    world = World()
    one, other = Process(world), Process(world)
    one.network.holds["page"] = asyncio.Event()
    one.network.fails["follow"] = LookupError("follow")
    async with running(one.verifier.run):
        one.network.fails.clear()
        one.network.holds["page"].set()
        await world.ticks.go_on(1)
        await other.log.append([live("a")])
        await turns()
        assert one.says_alive("a") is False


async def test_entries_that_come_after_it_has_begun_anew_do_not_cost_the_lease() -> None:
    world = World()
    one, other = Process(world), Process(world)
    async with running(one.verifier.run):
        follow = one.network.holds["follow"] = asyncio.Event()
        await other.log.append([])
        await turns()
        world.data_set.empty()
        await world.ticks.go_on(TERMS.heartbeat + 0.5)
        assert one.is_leased()
        follow.set()
        await turns()
        assert one.is_leased()
        assert one.verifier.begun == 2


async def test_a_row_whose_grant_was_not_answered_is_taken_away_by_the_next_try() -> None:
    world = World()
    one = Process(world)
    one.network.loses.add("grant")
    async with running(one.verifier.run):
        await world.ticks.go_on(2)
        assert not one.is_leased()
        assert len(world.rows) == 1
        one.network.loses.clear()
        await world.ticks.go_on(0.5)
        assert one.is_leased()
        assert len(world.rows) == 1


async def test_what_is_missed_while_a_row_is_given_back_lets_it_begin_before_it_is_leased() -> None:
    world = World()
    one, other = Process(world), Process(world)
    one.network.loses.add("grant")
    async with running(one.verifier.run):
        one.network.loses.clear()
        leave = one.network.holds["leave"] = asyncio.Event()
        await world.ticks.go_on(0.5)
        world.data_set.empty()
        await other.log.append([])
        await turns()
        # As it would be with what was granted to it, if it did not know what it had missed.
        world.data_set.found().identity = one.watchers.begun[0].identity
        world.data_set.found().last = BEGINNING
        world.data_set.found().log.clear()
        leave.set()
        await turns()
        assert not one.is_leased()


async def test_a_row_that_could_not_be_given_back_is_when_the_log_can_be_asked() -> None:
    world = World()
    one, other = Process(world), Process(world)
    async with running(one.verifier.run):
        one.network.cut("leave")
        world.data_set.found().log.clear()
        await other.log.append([])
        world.data_set.found().log.clear()
        await other.log.append([])
        await world.ticks.go_on(0.5)
        assert not one.is_leased()
        assert len(world.rows) == 1
        one.network.fails.clear()
        await world.ticks.go_on(1)
        assert one.is_leased()
        assert len(world.rows) == 1
