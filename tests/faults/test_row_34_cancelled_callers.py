"""Row 34: half of all callers hang up at a random moment, for as long as it takes to see."""

import asyncio
import random
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from statistics import median

import pytest
from asyncpg.pool import PoolConnectionProxy
from faults.harness.caller import Caller, insist
from faults.harness.check import check
from faults.harness.counts import FULL, rounds
from faults.harness.fleet import Fleet
from faults.harness.footprint import Footprint
from faults.harness.record import Record, SessionRecord
from faults.harness.served import Served
from faults.harness.tokens import claims_of
from faults.harness.under_way import calls_under_way
from support.authority import serving
from support.http import HttpClient
from support.postgres import Connection
from support.waiting import eventually

from tokenauthority.v1 import token_service_pb2 as pb
from tokenauthority_server.adapters.postgres.database import Database

USERS = 24
MOST_SESSIONS = 4
ROUND_SECONDS = 1.0
LOST_ROUNDS = 10
"""Until so many connections are lost that others wait in vain, and are told so after 0.9 s."""
MOST_UNANSWERED = 0.03
"""Of all calls: a machine that is busy leaves some without an answer."""
LEAST_CANCELLED = 0.15
"""Of all calls: half of all callers would hang up, and some are answered before they do."""
MOST_PATIENCE = 0.012
"""Seconds after which nobody hangs up any more: about as long as most calls last."""
CONNECTIONS = 21
"""Of one worker to PostgreSQL: its pools together."""
LOST_MEMORY = 1 / 1024
"""MiB for each cancelled call. gRPC's own code loses half of it; a task of ours would be more."""
FILES = 100
"""Of one worker: its connections, and some for the process itself."""


class User:
    """Has a device of the same name, does one thing after the other, and waits for half of them.

    What was left unanswered is asked for again before anything else of its kind.
    """

    def __init__(self, record: Record, servers: Sequence[Served], name: str) -> None:
        self.name = name
        self.done: Counter[str] = Counter()
        self._servers = servers
        self._chance = random.Random(name)  # noqa: S311 - no secret
        self._caller = Caller(record, servers[0])
        self._held: list[SessionRecord] = []
        self._leaving: SessionRecord | None = None
        self._request_id = ""

    async def go_on(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._caller.server = self._chance.choice(self._servers)
            act = asyncio.create_task(self._act())
            if self._chance.random() < 0.5:
                await asyncio.wait({act}, timeout=self._chance.uniform(0, MOST_PATIENCE))
                act.cancel()
            try:
                await asyncio.wait({act})
            finally:
                act.cancel()
            if act.cancelled():
                self.done["cancelled"] += 1
            else:
                self.done["unanswered" if act.result() is None else "answered"] += 1

    async def settle(self) -> None:
        """Ask again for what was left unanswered."""
        if self._request_id:
            await insist(self._create)
        if self._leaving is not None:
            leaving = self._leaving
            await insist(lambda: self._leave(leaving))

    async def _act(self) -> object:
        """Return None where there was no answer."""
        few = len(self._held) < MOST_SESSIONS
        if not self._held or self._request_id or (few and self._chance.random() < 0.2):
            return await self._create()
        session = self._chance.choice(self._held)
        match self._chance.randrange(8):
            case 0:
                return await self._leave(session)
            case 1 | 2:
                return await self._caller.refresh(session)
            case 3 | 4:
                return await self._list()
            case 5:
                return await self._validate_all()
        return await self._caller.validate(session)

    async def _create(self) -> object:
        self._request_id = self._request_id or secrets.token_hex(8)
        session = await self._caller.create(self.name, self.name, self._request_id)
        if session is None:
            return None
        assert isinstance(session, SessionRecord), session
        self._request_id = ""
        self._held.append(session)
        claims = claims_of(session.first.access_token)
        assert (claims["sub"], claims["device_id"]) == (self.name, self.name)
        return session

    async def _leave(self, session: SessionRecord) -> object:
        if self._leaving is None:
            self._leaving = session
            self._held.remove(session)
        answer = await self._caller.revoke_session(self._leaving)
        if answer is not None:
            self._leaving = None
        return answer

    async def _list(self) -> object:
        stub, request = self._caller.server.stub, pb.ListSessionsRequest(user_id=self.name)
        page = await self._caller.ask(stub.ListSessions, request)
        if page is None:
            return None
        assert isinstance(page, pb.ListSessionsResponse), page
        assert {(one.user_id, one.device.device_id) for one in page.sessions} == {
            (self.name, self.name)
        }
        listed = {one.session_id for one in page.sessions}
        lost = {one.session_id for one in self._held} - listed
        assert not lost, "sessions that nobody ended are not there"
        return page

    async def _validate_all(self) -> object:
        held = list(self._held)
        request = pb.BatchValidateRequest(tokens=[one.last.access_token for one in held])
        answer = await self._caller.ask(self._caller.server.stub.BatchValidate, request)
        if answer is None:
            return None
        assert isinstance(answer, pb.BatchValidateResponse), answer
        assert [(one.claims.user_id, one.claims.session_id) for one in answer.results] == [
            (self.name, one.session_id) for one in held
        ], [(one.reason, one.revocation_reason) for one in answer.results]
        return answer


async def load(users: Sequence[User], seconds: float) -> None:
    async with asyncio.TaskGroup() as tasks:
        for user in users:
            tasks.create_task(user.go_on(seconds))


async def connections(database: Connection) -> int:
    """How many the workers hold."""
    found: int = await database.fetchval(
        """
        SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()
            AND application_name = 'tokenauthority'
        """
    )
    return found


def assert_no_leak(seen: Sequence[tuple[int, float]], workers: int) -> None:
    """Compare what is held late with what is held as soon as all has been done often enough."""
    quarter = len(seen) // 4
    early, late = seen[quarter : 2 * quarter], seen[-quarter:]
    cancelled = median(count for count, _ in late) - median(count for count, _ in early)
    grown = median(memory for _, memory in late) - median(memory for _, memory in early)
    assert grown < 8 + LOST_MEMORY * cancelled / workers, (grown, cancelled)


async def test_half_of_all_callers_hang_up(
    fleet: Fleet,
    fleet_database: Connection,
    record: Record,
    counted: Callable[[int, int], Iterator[int]],
) -> None:
    users = [User(record, fleet.workers, f"u-34-{number}") for number in range(USERS)]
    seen: list[tuple[int, float]] = []
    for _ in counted(34, rounds(2, 600)):
        await load(users, ROUND_SECONDS)
        footprints = [Footprint.of(worker.pid) for worker in fleet.workers]
        cancelled = sum(user.done["cancelled"] for user in users)
        seen.append((cancelled, max(one.memory for one in footprints)))
        assert max(one.files for one in footprints) <= FILES
        assert await connections(fleet_database) <= CONNECTIONS * len(fleet.workers)
        assert not record.faults, record.faults

    await asyncio.gather(*(user.settle() for user in users))
    done = sum((user.done for user in users), Counter[str]())
    assert done["cancelled"] > done.total() * LEAST_CANCELLED, done
    assert done["unanswered"] < done.total() * MOST_UNANSWERED, done
    for worker in fleet.workers:

        async def nothing_under_way(http: HttpClient = worker.http) -> bool:
            return await calls_under_way(http) == 0

        await eventually(nothing_under_way)
    if FULL:
        assert_no_leak(seen, len(fleet.workers))
    await check(record, fleet.workers, fleet.database_url)


@asynccontextmanager
async def not_given_back(database: Database, pool: str) -> AsyncIterator[PoolConnectionProxy]:
    connection = await database._pools[pool].acquire(timeout=0.9)
    yield connection
    await database._pools[pool].release(connection)


async def test_without_its_guard_connections_are_lost(
    database_url: str, redis_url: str, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What is seen above: connections are given back when the caller has gone. Here they are not.
    monkeypatch.setattr(Database, "_connection", not_given_back)
    async with serving(database_url, redis_url) as authority:
        users = [User(record, [authority], f"u-34-{number}") for number in range(USERS)]
        done = Counter[str]()
        for _ in range(LOST_ROUNDS):
            await load(users, ROUND_SECONDS)
            done = sum((user.done for user in users), Counter[str]())
            if done["unanswered"] > done.total() * MOST_UNANSWERED:
                return
    raise AssertionError(done)
