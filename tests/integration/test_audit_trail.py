"""What the audit trail says of each change: who did what to whom, from where, and how it ended."""

import json
from typing import Any

import pytest
from support.authority import Served, serving
from support.callers import ANN, LAPTOP, PHONE
from support.postgres import Connection

from tokenauthority_client import (
    RefreshTokenReusedError,
    RevocationReason,
    Subject,
    TokenAuthorityClient,
)

EVENTS = """
SELECT e.*, details::text AS text, relname AS partition
FROM tokenauthority.audit_events AS e JOIN pg_class AS c ON c.oid = e.tableoid ORDER BY event_id
"""


async def events(database: Connection, kind: str) -> list[dict[str, Any]]:
    rows = [dict(row) for row in await database.fetch(EVENTS) if row["kind"] == kind]
    return [{**row, "details": json.loads(row["text"])} for row in rows]


async def test_a_reuse_tells_of_both_sides(
    client: TokenAuthorityClient, database: Connection
) -> None:
    pair = await client.create_pair(ANN, device=LAPTOP)
    stolen = pair.refresh_token
    for _ in range(3):
        pair = (await client.refresh(pair.refresh_token, device=LAPTOP)).pair
    with pytest.raises(RefreshTokenReusedError):
        await client.refresh(stolen, device=PHONE)

    (event,) = await events(database, "session.reuse_detected")

    # Who came with the old token.
    assert event["device_id"] == PHONE.device_id
    assert event["user_agent"] == PHONE.user_agent
    assert event["ip_address"] == PHONE.ip_address
    assert event["details"]["generation"] == "before 2"
    # Who holds the session.
    session = await database.fetchrow(
        "SELECT * FROM tokenauthority.sessions WHERE session_id = $1", pair.session_id
    )
    assert session is not None
    assert event["details"]["session_device_id"] == LAPTOP.device_id
    assert event["details"]["session_user_agent"] == LAPTOP.user_agent
    assert event["details"]["session_ip_address"] == LAPTOP.ip_address
    assert event["details"]["session_generation"] == "3"
    rotated = session["rotated_at"].strftime("%Y-%m-%dT%H:%M:%S")
    assert event["details"]["session_rotated_at"].startswith(rotated)
    issued = session["created_at"].strftime("%Y-%m-%dT%H:%M:%S")
    assert event["details"]["issued_at"] == f"{issued}.000Z"
    assert (event["outcome"], event["reason"]) == ("REFUSED", "REUSE_DETECTED")
    assert (event["user_id"], event["session_id"]) == (ANN.user_id, pair.session_id)


async def test_the_parent_is_told_by_its_generation(
    client: TokenAuthorityClient, database: Connection
) -> None:
    pair = await client.create_pair(ANN, device=LAPTOP)
    await client.refresh(pair.refresh_token)
    with pytest.raises(RefreshTokenReusedError):
        await client.refresh(pair.refresh_token, device=PHONE)

    (event,) = await events(database, "session.reuse_detected")

    assert event["details"]["generation"] == "0"
    assert event["details"]["session_generation"] == "1"


async def test_changes_of_a_profile(client: TokenAuthorityClient, database: Connection) -> None:
    await client.create_pair(ANN)
    await client.create_pair(ANN)
    await client.create_pair(Subject(user_id=ANN.user_id, username=ANN.username))

    (made,) = await events(database, "user.created")
    (changed,) = await events(database, "user.profile_changed")

    assert made["details"] == {"profile_version": "0", "profile_epoch": "0"}
    assert changed["details"] == {"profile_version": "1", "profile_epoch": "1"}
    assert made["user_id"] == changed["user_id"] == ANN.user_id


async def test_each_event_names_the_call(authority: Served, database: Connection) -> None:
    pair = await authority.client.create_pair(ANN, device=LAPTOP)
    await authority.client.revoke_token(pair.access_token, reason=RevocationReason.ADMIN)
    await authority.client.revoke_session(pair.session_id)
    await authority.client.revoke_user(ANN.user_id)

    kinds = ["session.created", "token.revoked", "session.revoked", "user.sessions_revoked"]
    for kind, rpc in zip(kinds, ["CreatePair", "Revoke", "Revoke", "Revoke"], strict=True):
        (event,) = await events(database, kind)
        (line,) = await authority.logged("call", request_id=event["request_id"])
        assert line["method"].endswith(rpc), kind
        assert event["outcome"] == "OK"
    (killed,) = await events(database, "token.revoked")
    assert killed["reason"] == "ADMIN"


async def test_plain_refreshes_and_refusals_leave_no_event(
    client: TokenAuthorityClient, database: Connection
) -> None:
    pair = await client.create_pair(ANN)
    await client.refresh(pair.refresh_token)
    await client.refresh(pair.refresh_token)
    await client.revoke_session("sess_unknown")
    await client.revoke_user("u-unknown")

    # Those of no user are about the signing keys.
    kinds = [row["kind"] for row in await database.fetch(EVENTS) if row["user_id"]]

    assert sorted(kinds) == ["session.created", "user.created"]


async def test_an_event_is_in_the_partition_of_its_month(
    client: TokenAuthorityClient, database: Connection
) -> None:
    await client.create_pair(ANN)

    for row in await database.fetch(EVENTS):
        assert row["partition"] == f"audit_events_{row['occurred_at']:%Y_%m}"


async def test_an_evicted_session_tells_what_took_its_place(
    redis_url: str, database_url: str, database: Connection
) -> None:
    async with serving(database_url, redis_url, MAX_SESSIONS_PER_USER="1") as authority:
        first = await authority.client.create_pair(ANN, device=LAPTOP)
        second = await authority.client.create_pair(ANN, device=PHONE)

    (event,) = await events(database, "session.revoked")

    assert (event["session_id"], event["device_id"]) == (first.session_id, LAPTOP.device_id)
    assert event["reason"] == "SESSION_LIMIT"
    assert event["details"] == {"replaced_by": second.session_id}
