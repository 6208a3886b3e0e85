"""What watchers are told, in which order, and from where."""

import asyncio
from contextlib import aclosing

import pytest
from unit.revocation.passing_on import (
    FACT_BYTES,
    SECONDS,
    FakeVerifier,
    at,
    fact,
    following,
    next_of,
    whole_snapshot,
)

from tokenauthority_server.domain.errors import InvalidRequestError, OverloadedError
from tokenauthority_server.domain.revocation_ports import Standing
from tokenauthority_server.domain.watch_ports import WatchMode
from tokenauthority_server.revocation import snapshots, watch, watching
from tokenauthority_server.revocation.cursors import cursor_of
from tokenauthority_server.revocation.journal import Journal

RELAXED, STRICT = WatchMode.RELAXED, WatchMode.STRICT


def cursor(number: int, identity: str = "one") -> str:
    return cursor_of(Standing(identity, at(number)))


async def test_all_facts_come_first_and_then_those_that_are_applied() -> None:
    verifier = following()
    verifier.apply(2, "a", "b", "c")
    messages = verifier.watching.join(RELAXED, "").messages()
    assert await whole_snapshot(messages) == ({"a", "b", "c"}, cursor(2))

    verifier.apply(3, "d")
    verifier.find("e")
    verifier.apply(4)
    assert [(await next_of(messages))[:3] for _ in range(3)] == [
        ("revocations", cursor(3), ("d",)),
        ("revocations", cursor(3), ("e",)),
        ("revocations", cursor(4), ()),
    ]


async def test_whoever_waits_is_told_when_something_comes() -> None:
    verifier = following(lease=300.0)
    messages = verifier.watching.join(RELAXED, "").messages()
    await whole_snapshot(messages)
    waiting = asyncio.ensure_future(next_of(messages))
    await asyncio.sleep(0)
    verifier.apply(2, "a")
    assert (await waiting).facts == ("a",)


async def test_what_is_applied_while_a_snapshot_is_built_is_not_lost() -> None:
    verifier = following()
    verifier.apply(2, *(f"old-{number}" for number in range(500)))
    messages = verifier.watching.join(RELAXED, "").messages()
    first = await next_of(messages)
    assert first.event == "snapshot"
    verifier.apply(3, "new")
    names, after = await whole_snapshot(messages)
    assert after == cursor(2)
    assert (await next_of(messages)).facts == ("new",)
    assert "old-499" in names | set(first.facts)


async def test_parts_are_bounded_and_only_the_whole_has_a_cursor() -> None:
    verifier = following()
    each = snapshots.PART_BYTES // FACT_BYTES
    verifier.apply(2, *(str(number) for number in range(2 * each + 1)))
    messages = verifier.watching.join(RELAXED, "").messages()
    parts = [await next_of(messages) for _ in range(4)]
    assert [(len(part.facts), part.complete, part.cursor) for part in parts] == [
        (each, False, ""),
        (each, False, ""),
        (1, False, ""),
        (0, True, cursor(2)),
    ]
    verifier.apply(3, *(f"new-{number}" for number in range(each + 1)))
    parts = [await next_of(messages) for _ in range(2)]
    assert [(len(part.facts), part.cursor) for part in parts] == [(each, ""), (1, cursor(3))]


async def test_a_single_fact_larger_than_a_part_is_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "PART_BYTES", FACT_BYTES - 1)
    verifier = following()
    parts = list(snapshots.in_parts([fact("a"), fact("b")], verifier.encoder))
    assert [[one.fact.target for one in part] for part in parts] == [["a"], ["b"]]


async def test_many_who_come_at_once_cost_one_encoding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "KEPT_SECONDS", 0.05)
    verifier = following()
    verifier.apply(2, "a", "b")

    async def snapshot() -> tuple[set[str], str]:
        async with aclosing(verifier.watching.join(RELAXED, "").messages()) as messages:
            return await whole_snapshot(messages)

    assert await asyncio.gather(*(snapshot() for _ in range(50))) == [({"a", "b"}, cursor(2))] * 50
    assert verifier.encoder.encoded == 2

    # And it is not kept for good.
    async with asyncio.timeout(SECONDS):
        while True:
            await snapshot()
            if verifier.encoder.encoded > 2:
                break
            await asyncio.sleep(0.01)


async def test_many_who_follow_cost_one_encoding() -> None:
    verifier = following()
    streams = [verifier.watching.join(RELAXED, "").messages() for _ in range(10)]
    for messages in streams:
        await whole_snapshot(messages)
    verifier.apply(2, "a")
    assert {(await next_of(messages)).facts for messages in streams} == {("a",)}
    assert verifier.encoder.encoded == 1


async def test_one_who_hangs_up_leaves_the_snapshot_to_the_others() -> None:
    verifier = following()
    verifier.apply(2, "a")
    gone = asyncio.ensure_future(next_of(verifier.watching.join(RELAXED, "").messages()))
    stays = asyncio.ensure_future(whole_snapshot(verifier.watching.join(RELAXED, "").messages()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    gone.cancel()
    assert await stays == ({"a"}, cursor(2))


async def test_one_who_resumes_is_told_what_came_since_and_nothing_else() -> None:
    verifier = following()
    verifier.apply(2, "a")
    verifier.find("b")
    verifier.apply(3, "c")
    messages = verifier.watching.join(RELAXED, cursor(2)).messages()
    # "b" may have been unknown to whoever told of the rest.
    assert [(await next_of(messages))[1:3] for _ in range(2)] == [
        (cursor(2), ("b",)),
        (cursor(3), ("c",)),
    ]


async def test_one_who_comes_from_a_worker_that_was_further_does_not_go_back() -> None:
    verifier = following()
    verifier.apply(2, "a")
    verifier.find("b")
    messages = verifier.watching.join(RELAXED, cursor(4)).messages()
    assert (await next_of(messages))[1:3] == (cursor(4), ("b",))
    verifier.apply(3, "c")
    verifier.apply(4, "d")
    verifier.apply(5, "e")
    assert (await next_of(messages))[1:3] == (cursor(5), ("e",))


@pytest.mark.parametrize("resume", [cursor(0), cursor(3, "other")])
async def test_one_whose_place_is_not_known_any_more_is_told_everything(resume: str) -> None:
    verifier = following()
    verifier.apply(2, "a")
    messages = verifier.watching.join(RELAXED, resume).messages()
    assert await whole_snapshot(messages) == ({"a"}, cursor(2))


async def test_one_who_falls_behind_is_told_everything_anew() -> None:
    verifier = following(journal=Journal(most_records=2))
    messages = verifier.watching.join(RELAXED, "").messages()
    await whole_snapshot(messages)
    for number in range(2, 6):
        verifier.apply(number, str(number))
    assert await whole_snapshot(messages) == ({"2", "3", "4", "5"}, cursor(5))


async def test_a_snapshot_from_which_nobody_can_go_on_is_not_used_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(snapshots, "KEPT_SECONDS", 0.05)
    verifier = following(journal=Journal(most_records=2))
    await whole_snapshot(verifier.watching.join(RELAXED, "").messages())
    for number in range(2, 6):
        verifier.apply(number, str(number))
    everything = {"2", "3", "4", "5"}, cursor(5)
    assert await whole_snapshot(verifier.watching.join(RELAXED, "").messages()) == everything
    # When the time of the first is over, whatever is kept then is good still.
    await asyncio.sleep(0.06)
    assert await whole_snapshot(verifier.watching.join(RELAXED, "").messages()) == everything


async def test_after_a_gap_everything_is_told_anew_once_the_verifier_knows_it() -> None:
    verifier = following(lease=300.0)
    messages = verifier.watching.join(RELAXED, "").messages()
    await whole_snapshot(messages)
    verifier.begin(at(7))
    waiting = asyncio.ensure_future(whole_snapshot(messages))
    for _ in range(5):
        await asyncio.sleep(0)
    # Until now it has not loaded all: a snapshot would be said to be of place 7, and is not.
    verifier.find("missed")
    assert not waiting.done()
    verifier.hold()
    verifier.ticks.go_on(1)
    assert await waiting == ({"missed"}, cursor(7))


async def test_a_verifier_that_never_begins_sends_its_watchers_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watch, "BEGIN_SECONDS", 0.02)
    verifier = FakeVerifier()
    with pytest.raises(OverloadedError):
        await next_of(verifier.watching.join(RELAXED, "").messages())


async def test_a_verifier_that_is_never_whole_sends_its_watchers_elsewhere() -> None:
    verifier = FakeVerifier()
    verifier.begin(at(1))
    waiting = asyncio.ensure_future(next_of(verifier.watching.join(RELAXED, "").messages()))
    for _ in range(5):
        await asyncio.sleep(0)
    verifier.ticks.go_on(watching.BEGIN_SECONDS)
    with pytest.raises(OverloadedError):
        await waiting
    # Nothing of that is kept.
    verifier.hold()
    await whole_snapshot(verifier.watching.join(RELAXED, "").messages())


async def test_a_verifier_that_begins_late_is_waited_for() -> None:
    verifier = FakeVerifier(lease=300.0)
    waiting = asyncio.ensure_future(whole_snapshot(verifier.watching.join(RELAXED, "").messages()))
    await asyncio.sleep(0)
    verifier.begin(at(1))
    verifier.hold()
    assert await waiting == (set(), cursor(1))


async def test_heartbeats_come_though_nothing_happens_but_only_under_a_lease() -> None:
    verifier = following(lease=0.03)
    relaxed = verifier.watching.join(RELAXED, "").messages()
    strict = verifier.watching.join(STRICT, "").messages()
    await whole_snapshot(relaxed)
    await whole_snapshot(strict)
    for messages in relaxed, strict, relaxed, strict:
        told = await next_of(messages)
        assert (told.event, told.cursor, told.lease, told.answered) == (
            "heartbeat",
            cursor(1),
            0.0,
            0,
        )
    verifier.until = 0.0
    # Its own view may be old, so the relaxed are not told that theirs is not.
    waiting = asyncio.ensure_future(next_of(relaxed))
    assert (await next_of(strict)).event == "heartbeat"
    assert (await next_of(strict)).event == "heartbeat"
    assert not waiting.done()
    verifier.apply(2, "a")
    assert (await waiting).facts == ("a",)


async def test_heartbeats_come_though_much_happens() -> None:
    verifier = following(lease=0.03)
    messages = verifier.watching.join(RELAXED, "").messages()
    await whole_snapshot(messages)
    events: list[str] = []
    async with asyncio.timeout(SECONDS):
        while "heartbeat" not in events:
            verifier.apply(len(events) + 2, "a")
            await asyncio.sleep(0.001)
            events.append((await next_of(messages)).event)
    assert "revocations" in events


async def test_watchers_are_so_many_at_most() -> None:
    verifier = following(most=2)
    first = verifier.watching.join(RELAXED, "")
    verifier.watching.join(RELAXED, "")
    with pytest.raises(OverloadedError):
        verifier.watching.join(RELAXED, "")
    verifier.watching.leave(first)
    verifier.watching.leave(first)
    verifier.watching.join(RELAXED, "")


async def test_a_server_that_stops_ends_its_streams_and_begins_none() -> None:
    verifier = following(lease=300.0)
    following_on = verifier.watching.join(RELAXED, "").messages()
    await whole_snapshot(following_on)
    waiting = asyncio.ensure_future(next_of(following_on))
    await asyncio.sleep(0)
    beginning = FakeVerifier(lease=300.0)
    early = asyncio.ensure_future(next_of(beginning.watching.join(RELAXED, "").messages()))
    await asyncio.sleep(0)
    for one in verifier, beginning:
        one.watching.drain()
    for stream in waiting, early:
        with pytest.raises(OverloadedError):
            await stream
    with pytest.raises(OverloadedError):
        verifier.watching.join(RELAXED, "")


async def test_a_server_that_stops_waits_for_no_snapshot() -> None:
    verifier = FakeVerifier()
    verifier.begin(at(1))
    waiting = asyncio.ensure_future(next_of(verifier.watching.join(RELAXED, "").messages()))
    for _ in range(5):
        await asyncio.sleep(0)
    verifier.watching.drain()
    verifier.ticks.go_on(0.1)
    with pytest.raises(OverloadedError):
        await waiting


async def test_a_failure_ends_the_stream() -> None:
    verifier = following()
    one = verifier.watching.join(RELAXED, "")
    messages = one.messages()
    await whole_snapshot(messages)
    one.fail(ValueError("it"))
    with pytest.raises(ValueError, match="it"):
        await next_of(messages)


async def test_a_strange_cursor_is_refused_before_anything() -> None:
    verifier = following(most=1)
    with pytest.raises(InvalidRequestError) as caught:
        verifier.watching.join(STRICT, "strange")
    assert caught.value.violations[0].field == "resume_cursor"
    verifier.watching.join(STRICT, "")
