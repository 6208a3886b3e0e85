"""Row 14: a refresh token that was rotated, presented again where no lost reply explains it."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import asyncpg
import pytest
from faults.harness.caller import Caller, Refused, device_of, told
from faults.harness.check import check
from faults.harness.counts import rounds
from faults.harness.fleet import Fleet
from faults.harness.guards import remove_guard
from faults.harness.record import Record, SessionRecord
from faults.harness.tokens import claims_of
from support.authority import serving
from support.postgres import Connection

from tokenauthority.v1 import token_service_pb2 as pb

REUSED = Refused("REFRESH_TOKEN_REUSED")


@dataclass(frozen=True)
class Case:
    """The session's first token is presented after so many rotations and seconds, by a device."""

    name: str
    rotations: int
    seconds: int
    device_id: str

    def __str__(self) -> str:
        return self.name


PARENT_LATE = Case("the parent after the window", 1, 31, "laptop")
PARENT_LATE_UNNAMED = Case("the parent after the window, by no device", 1, 31, "")
PARENT_ELSEWHERE = Case("the parent from another device", 1, 0, "phone")
SUCCESSOR_USED = Case("the parent after its successor was used", 2, 0, "laptop")
GRANDPARENT_LATE = Case("the grandparent after the window", 2, 31, "laptop")
GRANDPARENT_ELSEWHERE = Case("the grandparent from another device", 2, 0, "phone")
ANCESTOR = Case("an ancestor", 5, 3_600, "phone")
CASES = [
    PARENT_LATE,
    PARENT_LATE_UNNAMED,
    PARENT_ELSEWHERE,
    SUCCESSOR_USED,
    GRANDPARENT_LATE,
    GRANDPARENT_ELSEWHERE,
    ANCESTOR,
]


async def presented_again(
    callers: Sequence[Caller], case: Case, user_id: str, connection: Connection
) -> tuple[SessionRecord, pb.RefreshResponse | Refused | None]:
    """Do what the case says; return the session and the answer, which another caller got."""
    caller, other = callers
    session = await caller.open(user_id, "laptop")
    for _ in range(case.rotations):
        assert isinstance(await caller.refresh(session), pb.RefreshResponse)
    # The database's clock cannot be moved, so the rotation is.
    await connection.execute(
        """
        UPDATE tokenauthority.sessions SET rotated_at = rotated_at - make_interval(secs => $2)
        WHERE session_id = $1
        """,
        session.session_id,
        case.seconds,
    )
    return session, await other.refresh(session, session.first.refresh_token, case.device_id)


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_reuse_ends_the_session(
    fleet: Fleet,
    fleet_database: Connection,
    record: Record,
    counted: Callable[[int, int], Iterator[int]],
    case: Case,
) -> None:
    callers = [Caller(record, worker) for worker in fleet.workers]
    for number in counted(14, rounds(1, 100)):
        user_id = f"u-14-{CASES.index(case)}-{number}"
        session, answer = await presented_again(callers, case, user_id, fleet_database)
        assert answer == REUSED
        for worker in fleet.workers:
            for pair in session.pairs:
                verdict = await told(
                    worker.stub.Validate, pb.ValidateRequest(token=pair.access_token)
                )
                assert not verdict.active
                assert verdict.reason == pb.INACTIVE_REASON_SESSION_REVOKED
                assert verdict.revocation_reason == pb.REVOCATION_REASON_REUSE_DETECTED
        for caller in callers:
            assert await caller.refresh(session) == Refused("SESSION_ENDED")
        await assert_audited(fleet_database, session, case)

    await check(record, fleet.workers, fleet.database_url)


async def assert_audited(connection: Connection, session: SessionRecord, case: Case) -> None:
    (event,) = await connection.fetch(
        """
        SELECT e.session_id, e.device_id, e.user_agent, e.ip_address, e.outcome, e.reason,
            e.details::text, s.rotated_at
        FROM tokenauthority.audit_events AS e
        JOIN tokenauthority.sessions AS s USING (user_id, session_id)
        WHERE user_id = $1 AND kind = 'session.reuse_detected'
        """,
        session.user_id,
    )
    assert event["session_id"] == session.session_id
    assert (event["outcome"], event["reason"]) == ("REFUSED", "REUSE_DETECTED")
    thief, owner = device_of(case.device_id), device_of("laptop")
    assert (event["device_id"], event["user_agent"], event["ip_address"]) == (
        *(thief.device_id, thief.user_agent, thief.ip_address),
    )
    issued_at = datetime.fromtimestamp(claims_of(session.first.refresh_token)["iat"], UTC)
    assert json.loads(event["details"]) == {
        # Of the presented token, and of the session.
        "generation": "0" if case.rotations == 1 else f"before {case.rotations - 1}",
        "issued_at": rfc3339(issued_at),
        "session_device_id": owner.device_id,
        "session_user_agent": owner.user_agent,
        "session_ip_address": owner.ip_address,
        "session_generation": str(case.rotations),
        "session_rotated_at": rfc3339(event["rotated_at"]),
    }


def rfc3339(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def test_within_the_window_it_is_no_reuse(
    fleet: Fleet, fleet_database: Connection, record: Record
) -> None:
    callers = [Caller(record, worker) for worker in fleet.workers]
    for device_id in ("laptop", ""):
        case = Case("the parent within the window", 1, 0, device_id)
        user_id = f"u-14-window-{device_id}"
        _, answer = await presented_again(callers, case, user_id, fleet_database)
        assert isinstance(answer, pb.RefreshResponse)
        assert answer.replayed

    await check(record, fleet.workers, fleet.database_url)


@pytest.mark.parametrize(
    ("case", "guard"),
    [
        (PARENT_LATE, "AND p_arrived_at <= s.rotated_at + p_grace"),
        (
            PARENT_ELSEWHERE,
            "AND (p_device_id = '' OR s.device_id = '' OR p_device_id = s.device_id)",
        ),
        (SUCCESSOR_USED, "s.parent_fingerprint = p_presented AND"),
    ],
    ids=str,
)
async def test_without_its_guard_the_thief_is_served(
    case: Case, guard: str, database_url: str, redis_url: str, record: Record
) -> None:
    # What makes the tests above pass are these conditions, which are taken away here.
    await remove_guard(database_url, "settle_refresh", guard)
    connection = await asyncpg.connect(database_url)
    async with serving(database_url, redis_url) as authority:
        caller = Caller(record, authority)
        _, answer = await presented_again([caller, caller], case, "u-14", connection)
        # In the last case the server finds at least that it cannot sign that pair.
        assert answer != REUSED
    await connection.close()
