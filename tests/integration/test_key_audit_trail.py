"""What the audit trail says of each change of a signing key."""

import json
from collections.abc import AsyncIterator

import pytest
from support.asking import ORIGIN, new_session
from support.postgres import Connection
from support.postgres_stores import postgres_stores
from support.signing_keys import (
    TERMS,
    activate,
    material,
    prepare,
    retire,
    revoke,
    rotate_keys,
    supply,
)
from support.steps import create, revoke_key
from support.stores import Stores

from tokenauthority_server.domain.upkeep import Leftover

EVENTS = "SELECT *, details::text AS text FROM tokenauthority.audit_events WHERE kind ~ '^key'"


@pytest.fixture
async def stores(database_url: str) -> AsyncIterator[Stores]:
    async with postgres_stores(database_url) as stores:
        yield stores


async def events(database: Connection) -> list[tuple[str, dict[str, str]]]:
    """The kinds and details, and none of the events again."""
    rows = await database.fetch(EVENTS)
    await database.execute("DELETE FROM tokenauthority.audit_events")
    assert {row["user_id"] for row in rows} <= {""}
    found = [(row["kind"], json.loads(row["text"])) for row in rows]
    return sorted(found, key=lambda event: (event[0], event[1]["key_id"]))


def told(kind: str, key_id: str, **details: str) -> tuple[str, dict[str, str]]:
    return kind, {"key_id": key_id, "algorithm": "ES256", **details}


async def test_a_life(stores: Stores, database: Connection) -> None:
    await supply(stores, "a", "b")
    assert await events(database) == [told("key.activated", "a"), told("key.prepared", "b")]
    await activate(stores, "b")
    assert await events(database) == [told("key.activated", "b", retired_key_id="a")]
    await prepare(stores, "c")
    assert await events(database) == [told("key.prepared", "c")]
    await stores.advance(TERMS.rotate_after)
    await rotate_keys(stores)
    assert await events(database) == [told("key.activated", "c", retired_key_id="b")]
    await supply(stores, "d")
    assert await events(database) == [told("key.prepared", "d")]
    await retire(stores, "d")
    assert await events(database) == [told("key.retired", "d")]
    await stores.keys.reseal(material("c"), material("c"))
    assert await events(database) == [told("key.rewrapped", "c")]
    await stores.advance(TERMS.horizon)
    await stores.upkeep.sweep(Leftover.SIGNING_KEYS, 10, TERMS.horizon)
    assert await events(database) == [
        told("key.deleted", "a", state="RETIRED"),
        told("key.deleted", "b", state="RETIRED"),
        told("key.deleted", "d", state="RETIRED"),
    ]


async def test_revocations(stores: Stores, database: Connection) -> None:
    await supply(stores, "a", "b")
    await create(stores, new_session(key_id="a"))
    await create(stores, new_session(key_id="file"))
    await events(database)
    await revoke(stores, "a")
    assert await events(database) == [
        told("key.revoked", "a", successor_key_id="b"),
        ("key.sessions_revoked", {"key_id": "a", "revoked_sessions": "1"}),
    ]
    await revoke_key(stores, "file")
    assert await events(database) == [
        ("key.revoked", {"key_id": "file"}),
        ("key.sessions_revoked", {"key_id": "file", "revoked_sessions": "1"}),
    ]


async def test_each_event_names_who_asked(stores: Stores, database: Connection) -> None:
    await supply(stores, "a", "b")
    await prepare(stores, "c")
    await retire(stores, "c")
    await revoke(stores, "a")
    await revoke_key(stores, "file")

    rows = await database.fetch(EVENTS)

    assert len(rows) == 6
    for row in rows:
        assert (row["caller"], row["request_id"]) == (ORIGIN.caller, ORIGIN.request_id)
        assert row["outcome"] == "OK"
        assert row["reason"] == ("KEY_REVOKED" if row["kind"] == "key.revoked" else "")
