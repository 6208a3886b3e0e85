"""A verifier answers from its view only while everybody who revokes waits for it."""

import asyncio

import pytest
from structlog.testing import capture_logs
from unit.revocation.hand_ticks import turns
from unit.revocation.processes import TERMS, Process, World, all_of, live, running

from tokenauthority_server.revocation import verifier as module


async def test_what_was_committed_before_is_loaded_in_pages_before_there_is_a_lease(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "PAGE", 2)
    world = World()
    world.commit("a", "b", "c", "d")
    one = Process(world)
    one.network.holds["page"] = asyncio.Event()
    async with running(one.verifier.run):
        assert one.says_alive("a") is None
        one.network.holds["page"].set()
        await turns()
        assert [one.says_alive(target) for target in "abcde"] == [False] * 4 + [True]
        assert one.network.asked.count("page") == 3
        assert one.verifier.lease_left() == pytest.approx(TERMS.usable)
        assert one.verifier.lease_age() == pytest.approx(0)


async def test_no_lease_has_no_age() -> None:
    one = Process(World())
    assert one.verifier.lease_left() == one.verifier.lease_age() == one.verifier.log_lag() == 0


async def test_entries_are_applied_passed_on_and_reported_at_once() -> None:
    world = World()
    one, other = Process(world), Process(world)
    async with running(one.verifier.run):
        one.unlogged.add([live("a")])
        end = (await other.log.append([live("a")])).position
        await turns()
        assert one.says_alive("a") is False
        assert one.watchers.told == [(end, ("a",))]
        assert [row.position for row in world.rows.values()] == [end]
        assert one.verifier.reported == end
        assert not len(one.unlogged)


async def test_a_lease_counts_from_before_it_was_asked_for() -> None:
    world = World()
    one = Process(world)
    one.network.holds["grant"] = asyncio.Event()
    async with running(one.verifier.run):
        await world.ticks.go_on(1)
        one.network.holds["grant"].set()
        await turns()
        assert one.verifier.lease_left() == pytest.approx(TERMS.usable - 1)
        one.network.holds["renew"] = asyncio.Event()
        await world.ticks.go_on(1.5)
        one.network.holds["renew"].set()
        await turns()
        assert one.verifier.lease_left() == pytest.approx(TERMS.usable - 0.5)


async def test_a_lease_is_renewed_and_runs_out_by_itself_when_that_fails() -> None:
    world = World()
    one = Process(world)
    async with running(one.verifier.run):
        await world.ticks.go_on(100)
        assert one.is_leased()
        one.network.cut("renew")
        with capture_logs() as logs:
            await world.ticks.go_on(TERMS.usable + 0.5)
        assert not one.is_leased()
        assert [line["event"] for line in logs] == ["validating by the database: no lease is held"]
        one.network.fails.clear()
        await world.ticks.go_on(0.5)
        assert one.is_leased()
        assert one.verifier.begun == 1


async def test_a_process_that_stood_still_finds_its_lease_run_out() -> None:
    world = World()
    one = Process(world)
    async with running(one.verifier.run):
        world.ticks.jump(TERMS.usable)
        assert one.says_alive("a") is None


async def test_who_was_struck_gets_the_entries_that_it_lacks_with_the_next_lease() -> None:
    world = World()
    one, other = Process(world), Process(world)
    async with running(one.verifier.run):
        one.network.cut("follow")
        await other.log.append([live("a")])
        # What it waited for already comes still.
        one.network.holds["grant"] = asyncio.Event()
        world.rows.clear()
        await world.ticks.go_on(TERMS.heartbeat + 0.5)
        assert not one.is_leased()
        one.network.holds["grant"].set()
        await turns()
        assert one.says_alive("a") is False


async def test_a_grant_whose_entries_do_not_reach_back_far_enough_is_no_lease() -> None:
    world = World()
    one, other = Process(world), Process(world)
    world.commit("a")
    one.network.cut("follow")
    one.network.holds["page"] = asyncio.Event()
    async with running(one.verifier.run):
        world.commit("b")
        await other.log.append([live("a")])
        await other.log.append([live("b")])
        del world.data_set.found().log[0]
        one.network.holds["page"].set()
        await turns()
        assert not one.is_leased()
        await world.ticks.go_on(1)
        assert one.says_alive("b") is False
        assert one.verifier.begun == 2


async def test_a_grant_without_the_entries_that_there_are_is_no_lease() -> None:
    world = World()
    one, other = Process(world), Process(world)
    one.network.cut("follow")
    one.network.holds["page"] = asyncio.Event()
    async with running(one.verifier.run):
        world.commit("a")
        await other.log.append([live("a")])
        world.data_set.found().log.clear()
        one.network.holds["page"].set()
        await turns()
        assert not one.is_leased()
        await world.ticks.go_on(1)
        assert one.says_alive("a") is False


async def test_who_cannot_follow_gives_its_lease_up_instead_of_delaying_everybody() -> None:
    world = World()
    one, other = Process(world), Process(world)
    async with running(one.verifier.run):
        one.network.cut("follow")
        await world.ticks.go_on(TERMS.lease)
        world.commit("a")
        end = (await other.log.append([live("a")])).position
        end = (await other.log.append([])).position
        await world.ticks.go_on(TERMS.longest_wait - 0.1)
        assert [row.position for row in world.rows.values()] == [end]
        assert one.says_alive("a") is False


async def test_it_tells_of_a_place_until_that_is_known_to_be_heard() -> None:
    world = World()
    one, other = Process(world), Process(world)
    async with running(one.verifier.run):
        one.network.cut("renew")
        await other.log.append([])
        await turns()
        before = world.data_set.reports
        one.network.fails.clear()
        await world.ticks.go_on(0.3)
        assert world.data_set.reports == before + 1


async def test_no_place_is_reported_that_a_watcher_may_not_have_applied() -> None:
    world = World()
    one, other = Process(world), Process(world)
    async with running(one.verifier.run):
        first = (await other.log.append([])).position
        await turns()
        one.watchers.least = first
        second = (await other.log.append([])).position
        await turns()
        assert [row.position for row in world.rows.values()] == [first]
        one.watchers.least = None
        one.verifier.report_soon()
        await turns()
        assert [row.position for row in world.rows.values()] == [second]


async def test_its_row_stays_while_watchers_hold_sub_leases() -> None:
    world = World()
    one, other = Process(world), Process(world)
    async with running(one.verifier.run):
        one.watchers.least = one.verifier.reported
        world.data_set.found().log.clear()
        await other.log.append([])
        world.data_set.found().log.clear()
        await other.log.append([])
        await world.ticks.go_on(0.5)
        assert one.is_leased()
        assert len(world.rows) == 2
    await one.verifier.leave()
    assert not one.is_leased()
    assert len(world.rows) == 2


async def test_who_leaves_is_not_waited_for() -> None:
    world = World()
    one, idle = Process(world), Process(world)
    async with running(one.verifier.run):
        assert world.rows
    await one.verifier.leave()
    await idle.verifier.leave()
    assert not world.rows
    assert one.says_alive("a") is None


async def test_leaving_is_over_where_the_log_is_away() -> None:
    world = World()
    one = Process(world)
    async with running(one.verifier.run):
        one.network.cut("leave")
    await one.verifier.leave()
    assert one.says_alive("a") is None


@pytest.mark.parametrize("name", ["look", "page", "grant"])
async def test_it_begins_when_a_store_is_back(name: str) -> None:
    world = World()
    world.commit("a")
    one = Process(world)
    one.network.cut(name)
    async with running(one.verifier.run):
        await world.ticks.go_on(10)
        assert not one.is_leased()
        one.network.fails.clear()
        await world.ticks.go_on(1)
        assert one.says_alive("a") is False


async def test_it_follows_when_the_log_is_back() -> None:
    world = World()
    one, other = Process(world), Process(world)
    async with running(one.verifier.run):
        one.network.cut("follow")
        await other.log.append([])
        await turns()
        one.network.fails.clear()
        await other.log.append([live("a")])
        await world.ticks.go_on(0.5)
        assert one.says_alive("a") is False
        assert one.verifier.begun == 1


@pytest.mark.parametrize("name", ["follow", "renew"])
async def test_whatever_fails_costs_the_lease_and_is_tried_again(name: str) -> None:
    world = World()
    one, other = Process(world), Process(world)
    async with running(one.verifier.run):
        one.network.fails[name] = LookupError(name)
        with capture_logs() as logs:
            await other.log.append([])
            await other.log.append([])
            await turns()
        assert "following the revocations fails" in [line["event"] for line in logs]
        assert not one.is_leased()
        one.network.fails.clear()
        await world.ticks.go_on(1.5)
        assert one.is_leased()


async def test_the_lag_is_of_what_was_heard_of_and_not_applied() -> None:
    world = World()
    one, other = Process(world), Process(world)
    async with running(one.verifier.run):
        one.network.holds["follow"] = asyncio.Event()
        await other.log.append([])
        await world.ticks.go_on(TERMS.heartbeat + 0.5)
        assert one.verifier.log_lag() == pytest.approx(0.5, abs=0.01)
        one.network.holds["follow"].set()
        await turns()
        assert one.verifier.log_lag() == 0


async def test_facts_that_are_learnt_are_passed_on_where_nobody_else_does() -> None:
    one = Process(World())
    assert one.verifier.learn([live("a")]) == [live("a")]
    assert one.verifier.learn([live("a")]) == []
    one.verifier.pass_on([])
    one.verifier.pass_on([live("a")])
    assert one.watchers.told == [(None, ("a",))]


async def test_two_processes_know_of_everything_when_it_is_acknowledged() -> None:
    world = World()
    one, other = Process(world), Process(world)
    async with running(*all_of(one, other)):
        await world.ticks.go_on(TERMS.lease + 1)
        revoking = asyncio.ensure_future(one.revoke("a"))
        await turns()
        assert revoking.done()
        assert revoking.result() is True
        assert one.says_alive("a") is other.says_alive("a") is False
