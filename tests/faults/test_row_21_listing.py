"""Row 21: a user's sessions are listed while some of them come and go."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence

import asyncpg
import grpc
import pytest
from faults.harness.caller import Caller, told
from faults.harness.counts import rounds
from faults.harness.fleet import Fleet
from faults.harness.record import Record, State
from faults.harness.served import Served
from support.authority import serving
from support.failures import failure_of
from support.postgres import Connection

from tokenauthority.v1 import token_service_pb2 as pb
from tokenauthority_server.adapters.postgres import statements

STAYING = 40
COMING_AND_GOING = 4
MORE = 500
"""Walks that are added at most until somebody came or went: the first end may wait for a lease."""
PAGE_SIZE = 7
MOST_PAGES = 100
KEY = "(s.created_at, s.session_id) < ($2, $3)"


async def those_who_stay(caller: Caller, database: Connection, user_id: str) -> set[str]:
    """Open sessions that live throughout, half of them newer than all others, in two instants."""
    stay = [(await caller.open(user_id)).session_id for _ in range(STAYING)]
    for newer, some in enumerate((stay[::2], stay[1::2])):
        await database.execute(
            """
            UPDATE tokenauthority.sessions
            SET created_at = date_trunc('hour', created_at) + make_interval(hours => $2)
            WHERE session_id = ANY($1::text[])
            """,
            some,
            newer,
        )
    return set(stay)


async def come_and_go(caller: Caller, user_id: str, over: asyncio.Event) -> None:
    while not over.is_set():
        session = await caller.open(user_id, "phone")
        await caller.refresh(session)
        await caller.revoke_session(session)


async def walk(servers: Sequence[Served], user_id: str) -> list[pb.Session]:
    """All pages, each from another server than the one before."""
    found: list[pb.Session] = []
    page_token = ""
    for number in range(MOST_PAGES):
        page = await told(
            servers[number % len(servers)].stub.ListSessions,
            pb.ListSessionsRequest(user_id=user_id, page_size=PAGE_SIZE, page_token=page_token),
        )
        assert len(page.sessions) <= PAGE_SIZE
        found += page.sessions
        page_token = page.next_page_token
        if not page_token:
            return found
    raise AssertionError(f"more than {MOST_PAGES} pages")


async def walk_and_compare(
    record: Record, servers: Sequence[Served], user_id: str, stay: set[str]
) -> int:
    """Assert that a walk shows what it has to; return how many came and went."""
    begun = time.monotonic()
    found = await walk(servers, user_id)
    times = Counter(one.session_id for one in found)
    assert max(times.values()) == 1, "listed twice"
    assert stay <= times.keys(), "missed"
    assert {one.user_id for one in found} == {user_id}, "foreign"
    others = times.keys() - stay
    for session_id in others & record.sessions.keys():
        state = record.state(record.sessions[session_id], begun, time.monotonic())
        assert state is not State.ENDED, "listed after its end"
    return len(others)


async def test_a_walk_shows_those_who_stay_once(
    fleet: Fleet,
    fleet_database: Connection,
    record: Record,
    counted: Callable[[int, int], Iterator[int]],
) -> None:
    callers = [Caller(record, fleet.workers[number % 2]) for number in range(COMING_AND_GOING)]
    stay = await those_who_stay(callers[0], fleet_database, "u-21")
    over = asyncio.Event()
    passing = 0
    async with asyncio.TaskGroup() as tasks:
        for caller in callers:
            tasks.create_task(come_and_go(caller, "u-21", over))
        tasks.create_task(come_and_go(Caller(record, fleet.workers[0]), "u-21-other", over))
        try:
            for _ in counted(21, rounds(25, 2_000)):
                passing += await walk_and_compare(record, fleet.workers, "u-21", stay)
            for _ in range(MORE):
                if passing:
                    break
                passing += await walk_and_compare(record, fleet.workers, "u-21", stay)
        finally:
            over.set()

    assert passing, "nobody came and went"


async def test_page_tokens_of_others_and_altered_ones_are_refused(
    fleet: Fleet, record: Record
) -> None:
    for user_id in ("u-21-mine", "u-21-theirs"):
        for worker in fleet.workers:
            await Caller(record, worker).open(user_id)
    first = await fleet.workers[0].stub.ListSessions(
        pb.ListSessionsRequest(user_id="u-21-mine", page_size=1)
    )
    good = first.next_page_token

    def asked(user_id: str, page_token: str) -> Awaitable[pb.ListSessionsResponse]:
        return fleet.workers[1].stub.ListSessions(
            pb.ListSessionsRequest(user_id=user_id, page_size=1, page_token=page_token)
        )

    assert len((await asked("u-21-mine", good)).sessions) == 1
    altered = [
        good[:at] + ("A" if good[at] != "A" else "B") + good[at + 1 :] for at in range(len(good))
    ]
    altered += [good[:-1], good[1:], good + "A", good + good, "A", "0"]
    for user_id, page_token in [("u-21-theirs", good), *(("u-21-mine", one) for one in altered)]:
        failure = await failure_of(asked(user_id, page_token))
        assert failure.code is grpc.StatusCode.INVALID_ARGUMENT
        assert set(failure.violations) == {"page_token"}


@pytest.mark.parametrize(
    "case",
    [
        (KEY.replace("<", "<="), "listed twice"),
        ("s.created_at < $2 AND $3::text IS NOT NULL", "missed"),
    ],
    ids=("twice", "missed"),
)
async def test_without_its_guard_a_walk_goes_wrong(
    database_url: str,
    redis_url: str,
    record: Record,
    monkeypatch: pytest.MonkeyPatch,
    case: tuple[str, str],
) -> None:
    # What makes the walk above right is where a page begins, which is a little off here.
    instead, fault = case
    assert statements.PAGE.count(KEY) == 1
    monkeypatch.setattr(statements, "PAGE", statements.PAGE.replace(KEY, instead))
    connection = await asyncpg.connect(database_url)
    async with serving(database_url, redis_url) as authority:
        stay = await those_who_stay(Caller(record, authority), connection, "u-21")
        with pytest.raises(AssertionError, match=fault):
            await walk_and_compare(record, [authority], "u-21", stay)
    await connection.close()
