"""Compares what callers were told with what the authority answers, and with what it stored."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TypeVar

import asyncpg
from faults.harness.caller import Caller, Refused
from faults.harness.record import IN_FLIGHT_SECONDS, Record, SessionRecord, State
from faults.harness.served import Served
from faults.harness.tables import counted, impossible_rows
from faults.harness.tally import METRICS, bounds
from faults.harness.tokens import token_id

from tokenauthority.v1 import token_service_pb2 as pb

AT_ONCE = 16
BATCH = 200
SECONDS = 10
QUIET_SECONDS = 0.25
"""After so long without a statement nothing more is left of what was given up."""
ACTIVE = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'
"""

Item = TypeVar("Item")


async def check(record: Record, servers: Sequence[Served], database_url: str) -> None:
    """Assert that nothing acknowledged was lost, nothing counted wrong, and nothing left behind.

    To be called when nothing is under way and the stores are up. Sessions are refreshed by it,
    which is recorded as well.
    """
    await _settled(record, database_url)
    await check_answers(record, servers)
    await check_tables(record, database_url)


async def check_answers(record: Record, servers: Sequence[Served]) -> None:
    """Assert that every session is what its callers were told, on every server."""
    await settle(record, servers)
    sessions = list(record.sessions.values())
    for server in servers:
        await _compare(record, server, sessions)
    turns = [(server, one) for one, server in _dealt(sessions, servers)]
    await _each(turns, lambda turn: _refresh(record, *turn))
    for server in servers:
        await _compare(record, server, sessions)
    _assert_none(record.faults)


async def check_tables(record: Record, database_url: str) -> None:
    """Assert that what was counted is what was done, and that no row stands alone."""
    connection = await asyncpg.connect(database_url)
    try:
        found = await counted(connection, record.users)
        faults = await impossible_rows(connection)
    finally:
        await connection.close()
    for metric in METRICS:
        least, most = bounds(record, metric)
        if not least <= found.get(metric, 0) <= most:
            faults.append(f"{metric}: counted {found.get(metric, 0)}, done {least} to {most}")
    _assert_none(faults)


async def settle(record: Record, servers: Sequence[Served]) -> None:
    """Ask again for whatever nobody was told the outcome of."""

    async def again(turn: tuple[Served, object]) -> None:
        server, _ = turn
        caller = Caller(record, server, SECONDS)
        subject = turn[1]
        if isinstance(subject, SessionRecord):
            await caller.refresh(subject)
        elif isinstance(subject, tuple):
            await caller.create(*subject)

    creations = {(one.user_id, one.device_id, one.request_id) for one in record.creations}
    refreshes = [one for one in record.sessions.values() if one.is_unsettled]
    subjects: list[object] = [*creations, *refreshes]
    await _each([(server, one) for one, server in _dealt(subjects, servers)], again)


async def _settled(record: Record, database_url: str) -> None:
    """Wait until no change that was given up can still be made, or none is on its way.

    And until every verifier knows of those that were made.
    """
    await asyncio.sleep(max(0.0, record.converged() - time.monotonic()))
    now = quiet_since = time.monotonic()
    latest = record.latest_unknown()
    assert latest <= now + IN_FLIGHT_SECONDS, "a call is still under way"
    connection = await asyncpg.connect(database_url)
    while now < min(latest, quiet_since + QUIET_SECONDS):
        await asyncio.sleep(0.01)
        now = time.monotonic()
        if await connection.fetchval(ACTIVE):
            quiet_since = now
    await connection.close()


async def _compare(record: Record, server: Served, sessions: list[SessionRecord]) -> None:
    """Note as faults where a server's verdicts are not what they have to be."""
    tokens = [(one, pair) for one in sessions for pair in one.pairs]
    for at in range(0, len(tokens), BATCH):
        batch = tokens[at : at + BATCH]
        begun = time.monotonic()
        access = await server.stub.BatchValidate(
            pb.BatchValidateRequest(tokens=[pair.access_token for _, pair in batch]),
            timeout=SECONDS,
        )
        refresh = await server.stub.BatchValidate(
            pb.BatchValidateRequest(
                tokens=[pair.refresh_token for _, pair in batch],
                expected_type=pb.TOKEN_TYPE_REFRESH,
            ),
            timeout=SECONDS,
        )
        for (session, pair), verdict, other in zip(
            batch, access.results, refresh.results, strict=True
        ):
            state = record.access_state(session, pair.access_token, begun, begun)
            _note(record, session, state, verdict, "access token")
            state = record.state(session, begun, begun)
            if pair is not session.last or session.is_unsettled:
                # Rotated, and so dead, or it may be: nobody knows.
                state = State.EITHER if pair is session.last else State.ENDED
            _note(record, session, state, other, "refresh token")


def _note(
    record: Record,
    session: SessionRecord,
    state: State,
    verdict: pb.ValidateResponse,
    what: str,
) -> None:
    if state is (State.ENDED if verdict.active else State.LIVE):
        reason = pb.InactiveReason.Name(verdict.reason)
        record.faults.append(
            f"{session.session_id}: its {what} is {state.name}, and the verdict is"
            f" active={verdict.active} {reason}"
        )


async def _refresh(record: Record, server: Served, session: SessionRecord) -> None:
    """Present the last refresh token once: it gives the next pair exactly if the session lives."""
    begun = time.monotonic()
    state = record.state(session, begun, begun)
    last = token_id(session.last.refresh_token)
    caller = Caller(record, server, SECONDS)
    answer = await caller.refresh(session)
    if answer is None:
        record.faults.append(f"{session.session_id}: no answer at the end: {caller.failure}")
    elif state is State.LIVE and isinstance(answer, Refused):
        record.faults.append(f"{session.session_id}: lost, refused as {answer.reason}")
    elif isinstance(answer, pb.RefreshResponse) and last not in session.successors:
        record.faults.append(f"{session.session_id}: refreshed, and not recorded")


def _dealt(items: Iterable[Item], servers: Sequence[Served]) -> Iterable[tuple[Item, Served]]:
    for number, item in enumerate(items):
        yield item, servers[number % len(servers)]


async def _each(items: Iterable[Item], work: Callable[[Item], Awaitable[None]]) -> None:
    """Do the work for each, some at once."""
    left = iter(items)

    async def through() -> None:
        for item in left:
            await work(item)

    await asyncio.gather(*(through() for _ in range(AT_ONCE)))


def _assert_none(faults: list[str]) -> None:
    once = list(dict.fromkeys(faults))
    assert not faults, "\n".join([f"{len(faults)} faults, the first of them:", *once[:20]])
