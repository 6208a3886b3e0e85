"""The check itself: what it is there to find is done by hand here."""

import asyncpg
import pytest
from faults.harness.caller import Caller
from faults.harness.check import check
from faults.harness.record import Record
from support.authority import serving

from tokenauthority.v1 import token_service_pb2 as pb

LOSSES = {
    "a creation": ("DELETE FROM tokenauthority.sessions WHERE ended_at IS NULL", "lost"),
    "a rotation": (
        """
        UPDATE tokenauthority.sessions SET generation = generation - 1,
            current_fingerprint = parent_fingerprint, parent_fingerprint = NULL
        WHERE ended_at IS NULL
        """,
        "its refresh token is LIVE",
    ),
    "a fact": (
        "DELETE FROM tokenauthority.revocations",
        # By a view, which knows it still, or by the database.
        "an ended session without its fact|its access token is ENDED",
    ),
    "an end": (
        "UPDATE tokenauthority.sessions SET ended_at = NULL, end_reason = NULL",
        "its refresh token is ENDED",
    ),
    "a reason": (
        "UPDATE tokenauthority.sessions SET end_reason = 'ADMIN' WHERE ended_at IS NOT NULL",
        "an ended session without its fact",
    ),
    "a count": ("UPDATE tokenauthority.token_metrics SET count = count + 1", "created: counted 3"),
    "the user of a profile": (
        "INSERT INTO tokenauthority.former_profiles (user_id) VALUES ('u-2')",
        "a former profile without its user",
    ),
    "an event": ("DELETE FROM tokenauthority.audit_events", "not audited once"),
}


@pytest.mark.parametrize("what", LOSSES)
async def test_what_was_lost_is_found(
    database_url: str, redis_url: str, record: Record, what: str
) -> None:
    async with serving(database_url, redis_url) as authority:
        caller = Caller(record, authority)
        live, ended = await caller.open("u-1"), await caller.open("u-1")
        for session in (live, ended):
            assert isinstance(await caller.refresh(session), pb.RefreshResponse)
        await caller.revoke_session(ended)
        await check(record, [authority], database_url)

        statement, fault = LOSSES[what]
        connection = await asyncpg.connect(database_url)
        await connection.execute(statement)
        await connection.close()
        with pytest.raises(AssertionError, match=fault):
            await check(record, [authority], database_url)
