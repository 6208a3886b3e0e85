"""Sub-leases: a verifier tells of no place that a strict watcher may not have applied."""

import asyncio

import pytest
from unit.revocation.passing_on import (
    SECONDS,
    FakeVerifier,
    Told,
    at,
    following,
    next_of,
    whole_snapshot,
)

from tokenauthority_server.domain.errors import InvalidRequestError
from tokenauthority_server.domain.revocation_ports import Standing
from tokenauthority_server.domain.watch_ports import WatchMode
from tokenauthority_server.revocation.cursors import cursor_of
from tokenauthority_server.revocation.holds import Holds
from tokenauthority_server.revocation.leases import DRIFT


def cursor(number: int, identity: str = "one") -> str:
    return cursor_of(Standing(identity, at(number)))


class Strict:
    """A strict watcher that has been told all up to now."""

    def __init__(self, verifier: FakeVerifier) -> None:
        self.watching = verifier.watching
        self.watch = self.watching.join(WatchMode.STRICT, "")
        self.messages = self.watch.messages()
        self.report_id = 0

    async def reports(self, applied: str) -> Told:
        """Report, and return the answer."""
        self.report_id += 1
        self.watch.report(self.report_id, applied)
        told = await next_of(self.messages)
        assert told.event == "heartbeat"
        return told


async def strict(verifier: FakeVerifier) -> Strict:
    one = Strict(verifier)
    await whole_snapshot(one.messages)
    return one


async def test_a_report_is_answered_with_a_part_of_the_own_lease() -> None:
    verifier = following()
    one = await strict(verifier)
    verifier.hold(1.5)
    answer = await one.reports(cursor(1))
    assert answer.answered == 1
    assert answer.lease == pytest.approx(1.5 * DRIFT)


async def test_the_place_is_held_until_a_later_one_is_reported() -> None:
    verifier = following()
    one = await strict(verifier)
    assert verifier.watching.floor() is None
    await one.reports(cursor(1))
    verifier.apply(2, "a")
    assert verifier.report() == at(1)
    assert (await next_of(one.messages)).cursor == cursor(2)
    assert verifier.woken == 0
    await one.reports(cursor(2))
    assert verifier.woken == 1
    assert verifier.report() == at(2)


async def test_the_slowest_watcher_holds_the_place() -> None:
    verifier = following()
    slow, quick = await strict(verifier), await strict(verifier)
    await slow.reports(cursor(1))
    await quick.reports(cursor(1))
    verifier.apply(2, "a")
    await next_of(quick.messages)
    await quick.reports(cursor(2))
    assert verifier.report() == at(1)
    assert verifier.woken == 0


async def test_a_watcher_that_is_gone_holds_its_place_until_its_sub_lease_ends() -> None:
    verifier = following()
    one = await strict(verifier)
    await one.reports(cursor(1))
    await one.messages.aclose()
    one.watching.leave(one.watch)
    verifier.apply(2, "a")
    verifier.ticks.go_on(1.9)
    assert verifier.report() == at(1)
    verifier.ticks.go_on(0.1)
    assert verifier.report() == at(2)


async def test_the_place_is_held_longer_than_the_watcher_may_use_the_sub_lease() -> None:
    verifier = following()
    one = await strict(verifier)
    answer = await one.reports(cursor(1))
    verifier.apply(2, "a")
    verifier.ticks.go_on(answer.lease + 0.001)
    assert verifier.report() == at(1)


async def test_one_who_lacks_what_was_told_gets_no_sub_lease() -> None:
    verifier = following()
    one = await strict(verifier)
    verifier.apply(2, "a")
    verifier.report()
    answer = await one.reports(cursor(1))
    assert (answer.lease, answer.answered) == (0.0, 0)
    assert verifier.watching.floor() is None
    assert (await next_of(one.messages)).facts == ("a",)
    assert (await one.reports(cursor(2))).answered == 2


async def test_a_place_that_was_left_is_not_held_for_ever_by_reporting_it_again() -> None:
    verifier = following(lease=3.0)
    one = await strict(verifier)
    await one.reports(cursor(1))
    verifier.apply(2, "a")
    assert (await next_of(one.messages)).cursor == cursor(2)
    for _ in range(5):
        verifier.ticks.go_on(0.5)
        verifier.hold(2.85)
        assert (await one.reports(cursor(1))).answered
        assert verifier.report() == at(1)
    # Nor by one who comes again.
    other = verifier.watching.join(WatchMode.STRICT, cursor(1))
    other.report(1, cursor(1))
    assert (await next_of(other.messages())).lease == pytest.approx(0.5 * DRIFT)
    verifier.ticks.go_on(0.5)
    verifier.hold(2.85)
    assert verifier.report() == at(2)
    assert not (await one.reports(cursor(1))).answered
    answer = await one.reports(cursor(2))
    assert answer.lease == pytest.approx(2.85 * DRIFT)


async def test_without_a_lease_of_its_own_nothing_is_granted() -> None:
    verifier = following()
    one = await strict(verifier)
    verifier.until = 0.0
    answer = await one.reports(cursor(1))
    assert (answer.lease, answer.answered) == (0.0, 0)
    assert verifier.watching.floor() is None


async def test_a_report_without_an_answer_moves_what_is_held_all_the_same() -> None:
    verifier = following()
    one = await strict(verifier)
    await one.reports(cursor(1))
    verifier.apply(2, "a")
    await next_of(one.messages)
    verifier.until = 0.0
    assert not (await one.reports(cursor(2))).answered
    assert verifier.watching.floor() == at(2)
    assert verifier.woken == 1


async def test_sub_leases_of_another_data_set_hold_nothing() -> None:
    verifier = following()
    one = await strict(verifier)
    await one.reports(cursor(1))
    verifier.begin(at(7), "two")
    assert verifier.watching.floor() is None
    verifier.hold()
    assert not (await one.reports(cursor(1))).answered
    assert verifier.watching.floor() is None
    assert (await whole_snapshot(one.messages))[1] == cursor(7, "two")
    assert (await one.reports(cursor(7, "two"))).answered


async def test_after_a_gap_sub_leases_hold_their_places() -> None:
    verifier = following()
    one = await strict(verifier)
    await one.reports(cursor(1))
    verifier.begin(at(7))
    assert verifier.watching.floor() == at(1)


async def test_a_server_that_stops_grants_nothing_more_and_waits_for_what_runs() -> None:
    verifier = following()
    one = await strict(verifier)
    await one.reports(cursor(1))
    verifier.watching.drain()
    assert verifier.watching.grant(one, Standing("one", at(1))) == 0.0
    assert verifier.watching.floor() == at(1)


async def test_there_are_so_many_sub_leases_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    verifier = following()
    monkeypatch.setattr(verifier.watching, "_holds", Holds(most=1))
    one, two = await strict(verifier), await strict(verifier)
    assert (await one.reports(cursor(1))).answered == 1
    assert (await two.reports(cursor(1))).answered == 0


async def test_nothing_is_granted_before_there_is_a_data_set() -> None:
    verifier = FakeVerifier()
    verifier.hold()
    assert verifier.watching.grant("one", Standing("one", at(1))) == 0.0


async def test_the_verifier_is_woken_when_a_sub_lease_ends() -> None:
    verifier = following()
    one = await strict(verifier)
    waiting = asyncio.create_task(verifier.watching.follow_floor())
    try:
        await one.reports(cursor(1))
        verifier.apply(2, "a")
        for _ in range(5):
            await asyncio.sleep(0)
        verifier.ticks.go_on(2.0)
        async with asyncio.timeout(SECONDS):
            await verifier.heard.wait()
        verifier.heard.clear()
        assert verifier.watching.floor() is None
        for _ in range(5):
            await asyncio.sleep(0)
        # And again, when there is another one.
        verifier.hold()
        await next_of(one.messages)
        await one.reports(cursor(2))
        for _ in range(5):
            await asyncio.sleep(0)
        verifier.ticks.go_on(2.0)
        async with asyncio.timeout(SECONDS):
            await verifier.heard.wait()
    finally:
        waiting.cancel()


async def test_of_reports_that_come_too_fast_the_newest_is_answered() -> None:
    verifier = following(lease=300.0)
    one = await strict(verifier)
    for report_id in range(1, 9):
        one.watch.report(report_id, cursor(1))
    assert (await next_of(one.messages)).answered == 8
    verifier.apply(2, "a")
    assert (await next_of(one.messages)).facts == ("a",)


async def test_reports_come_while_nothing_else_happens() -> None:
    verifier = following(lease=300.0)
    one = await strict(verifier)
    waiting = asyncio.ensure_future(next_of(one.messages))
    await asyncio.sleep(0)
    one.watch.report(1, cursor(1))
    assert (await waiting).answered == 1


@pytest.mark.parametrize(
    ("report_id", "applied", "field", "problem"),
    [
        (0, cursor(3), "report_id", "from 1"),
        (-1, cursor(3), "report_id", "from 1"),
        (4, cursor(3), "report_id", "greater"),
        (5, "", "applied_cursor", "required"),
        (5, "strange", "applied_cursor", "cursors"),
        (5, cursor(2), "applied_cursor", "before"),
        (5, cursor(4), "applied_cursor", "sent yet"),
    ],
)
async def test_a_report_that_cannot_be_true_is_refused(
    report_id: int, applied: str, field: str, problem: str
) -> None:
    one = await strict(following(3))
    one.watch.report(4, cursor(3))
    with pytest.raises(InvalidRequestError, match=problem) as caught:
        one.watch.report(report_id, applied)
    assert [violation.field for violation in caught.value.violations] == [field]


async def test_nothing_can_have_been_applied_before_anything_was_sent() -> None:
    one = Strict(following())
    with pytest.raises(InvalidRequestError, match="sent yet"):
        one.watch.report(1, cursor(1))


async def test_the_relaxed_do_not_report() -> None:
    watch = following().watching.join(WatchMode.RELAXED, cursor(1))
    with pytest.raises(InvalidRequestError, match="STRICT"):
        watch.report(1, cursor(1))


async def test_one_who_resumes_may_report_where_it_is() -> None:
    verifier = following()
    watch = verifier.watching.join(WatchMode.STRICT, cursor(1))
    watch.report(1, cursor(1))
    assert (await next_of(watch.messages())).answered == 1
