"""What was committed is known everywhere soon, whoever should have told of it."""

import asyncio

import pytest
from structlog.testing import capture_logs
from unit.revocation.hand_ticks import turns
from unit.revocation.processes import Process, World, live, running

from tokenauthority_server.domain.revocations import FactKind
from tokenauthority_server.revocation import healing as module
from tokenauthority_server.revocation import verifier as verifier_module
from tokenauthority_server.revocation import view as view_module

SOON = module.HEALING_SECONDS + module.HINT_SECONDS


async def test_what_nobody_told_of_is_found_passed_on_and_appended() -> None:
    world = World()
    one = Process(world)
    async with running(one.verifier.run, one.healing.run):
        world.commit("a")
        await world.ticks.go_on(SOON)
        assert one.says_alive("a") is False
        assert one.healing.found == 1
        assert one.watchers.told[0] == (None, ("a",))
        (entry,) = world.data_set.entries
        assert [one.fact.target for one in entry.facts] == ["a"]
        await world.ticks.go_on(5 * SOON)
        assert one.healing.found == len(world.data_set.entries) == 1


async def test_what_was_committed_behind_the_loading_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(verifier_module, "PAGE", 2)
    world = World()
    world.commit("b", "c", "d")
    one = Process(world)
    first = one.network.holds["page"] = asyncio.Event()
    async with running(one.verifier.run, one.healing.run):
        # The first page has been read: this would have stood on it.
        world.commit("a")
        del one.network.holds["page"]
        first.set()
        await turns()
        assert one.says_alive("a") is True
        await world.ticks.go_on(SOON)
        assert one.says_alive("a") is False


async def test_a_hint_lets_it_look_soon() -> None:
    world = World()
    one = Process(world)
    async with running(one.verifier.run, one.healing.run):
        world.commit("a")
        one.healing.hint()
        await world.ticks.go_on(module.HINT_SECONDS)
        assert one.says_alive("a") is False


async def test_nothing_is_looked_for_before_all_is_loaded() -> None:
    world = World()
    one = Process(world)
    one.network.holds["page"] = asyncio.Event()
    async with running(one.verifier.run, one.healing.run):
        await world.ticks.go_on(2 * SOON)
        assert "since" not in one.network.asked
        assert one.network.asked.count("page") == 1
        one.network.holds["page"].set()
        await world.ticks.go_on(SOON)
        assert "since" in one.network.asked


async def test_what_could_not_be_appended_is_when_the_log_is_back() -> None:
    world = World()
    one = Process(world)
    async with running(one.verifier.run, one.healing.run):
        one.network.cut("append")
        world.commit("a")
        await world.ticks.go_on(2 * SOON)
        assert one.says_alive("a") is False
        assert len(one.unlogged) == 1
        one.network.fails.clear()
        await world.ticks.go_on(SOON)
        assert not len(one.unlogged)
        assert len(world.data_set.entries) == 1


async def test_all_that_was_found_is_appended_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "APPENDED_AT_ONCE", 2)
    world = World()
    one = Process(world)
    async with running(one.verifier.run, one.healing.run):
        world.commit("a", "b", "c")
        await world.ticks.go_on(SOON)
        assert [len(entry.facts) for entry in world.data_set.entries] == [2, 1]


async def test_facts_are_dropped_also_while_the_stores_are_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(view_module, "DROPPED_AT_ONCE", 2)
    world = World()
    one = Process(world)
    async with running(one.verifier.run, one.healing.run):
        one.verifier.learn([live(target) for target in "abcde"])
        one.network.cut("since")
        world.ticks.jump(4_000)
        await world.ticks.go_on(SOON)
        assert one.verifier.view.sizes()[FactKind.TOKEN] == 0


async def test_whatever_fails_it_goes_on() -> None:
    world = World()
    one = Process(world)
    async with running(one.verifier.run, one.healing.run):
        one.network.fails["since"] = LookupError("since")
        with capture_logs() as logs:
            await world.ticks.go_on(SOON)
        assert [line["event"] for line in logs] == ["looking for revocations fails"]
        one.network.fails.clear()
        world.commit("a")
        await world.ticks.go_on(SOON)
        assert one.says_alive("a") is False


async def test_a_look_that_is_overtaken_does_not_set_the_mark_back() -> None:
    world = World()
    one = Process(world)
    async with running(one.verifier.run):
        late = one.network.holds["since"] = asyncio.Event()
        looking = asyncio.ensure_future(one.verifier.catch_up())
        await turns()
        del one.network.holds["since"]
        world.commit("a")
        assert await one.verifier.catch_up() != ()
        mark = one.verifier.mark
        late.set()
        assert await looking == []
        assert one.verifier.mark is mark
