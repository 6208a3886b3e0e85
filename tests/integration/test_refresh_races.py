"""Refreshing at the same time as others do, over two replicas of the authority."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import cycle, islice
from uuid import uuid4

import asyncpg
import pytest
from support.authority import Served, serving
from support.callers import ANN, LAPTOP
from support.postgres import Connection
from support.waiting import eventually

from tokenauthority_client import (
    RefreshResult,
    RefreshTokenError,
    SessionEndedError,
    TokenPair,
    TokenType,
)
from tokenauthority_server.adapters.postgres import statements

CALLERS = 64
ROUNDS = 20
GUARD = "AND s.current_fingerprint = $3"


@pytest.fixture
async def replicas(database_url: str, redis_url: str) -> AsyncIterator[tuple[Served, Served]]:
    async with serving(database_url, redis_url) as one, serving(database_url, redis_url) as other:
        yield one, other


async def refresh_at_once(
    replicas: tuple[Served, Served], refresh_token: str, callers: int
) -> list[RefreshResult]:
    return await asyncio.gather(
        *(
            one.client.refresh(refresh_token, device=LAPTOP)
            for one in islice(cycle(replicas), callers)
        )
    )


async def same_tokens(authority: Served, pairs: list[TokenPair]) -> bool:
    """Whether the pairs are one pair, signed as often as it was asked for."""
    access = await authority.client.batch_validate([pair.access_token for pair in pairs])
    refresh = await authority.client.batch_validate(
        [pair.refresh_token for pair in pairs], expected_type=TokenType.REFRESH
    )
    assert all(access)
    assert all(refresh)
    return all(
        len({result.claims.token_id for result in results if result.claims}) == 1
        for results in (access, refresh)
    )


async def test_two_refreshes_of_one_token_give_one_successor(
    replicas: tuple[Served, Served],
) -> None:
    pair = await replicas[0].client.create_pair(ANN, device=LAPTOP)
    for _ in range(ROUNDS):
        results = await refresh_at_once(replicas, pair.refresh_token, 2)

        assert sorted(result.replayed for result in results) == [False, True]
        assert await same_tokens(replicas[0], [result.pair for result in results])
        pair = results[0].pair


async def test_of_many_refreshes_of_one_token_one_wins(replicas: tuple[Served, Served]) -> None:
    pair = await replicas[0].client.create_pair(ANN, device=LAPTOP)
    for _ in range(3):
        results = await refresh_at_once(replicas, pair.refresh_token, CALLERS)

        assert [result.replayed for result in results].count(False) == 1
        assert await same_tokens(replicas[0], [result.pair for result in results])
        pair = results[0].pair


async def test_without_its_guard_the_race_has_many_winners(
    replicas: tuple[Served, Served], monkeypatch: pytest.MonkeyPatch
) -> None:
    # What makes the tests above pass is the comparison that is taken away here.
    assert statements.ROTATE.count(GUARD) == 1
    careless = statements.ROTATE.replace(GUARD, "AND $3::bytea IS NOT NULL")
    monkeypatch.setattr(statements, "ROTATE", careless)
    pair = await replicas[0].client.create_pair(ANN, device=LAPTOP)

    results = await refresh_at_once(replicas, pair.refresh_token, CALLERS)

    assert [result.replayed for result in results].count(False) > 1


async def test_nothing_of_a_session_survives_its_revocation(
    replicas: tuple[Served, Served],
) -> None:
    for _ in range(ROUNDS):
        first = await replicas[0].client.create_pair(ANN, device=LAPTOP)
        refreshed, revoked = await asyncio.gather(
            replicas[0].client.refresh(first.refresh_token),
            replicas[1].client.revoke_session(first.session_id),
            return_exceptions=True,
        )

        assert not isinstance(revoked, BaseException)
        assert revoked.revoked_sessions == 1
        pairs = [first]
        if isinstance(refreshed, RefreshResult):
            pairs.append(refreshed.pair)
        else:
            assert isinstance(refreshed, SessionEndedError)
        for pair in pairs:
            for replica in replicas:
                assert not await replica.client.validate(pair.access_token)
                with pytest.raises(RefreshTokenError):
                    await replica.client.refresh(pair.refresh_token)


async def settle(
    database: Connection, first: asyncpg.Record, *, was_good: bool, arrived: timedelta
) -> str:
    """What the database says of a session's first token, which came so long after the rotation."""
    session = await the_session(database)
    now = session["rotated_at"] + arrived
    times = (now, now, 6000, timedelta(seconds=30), timedelta(minutes=5))
    row = await database.fetchrow(
        statements.SETTLE,
        *(session["user_id"], session["session_id"], first["current_fingerprint"], was_good),
        *("", "", "", *times, "", uuid4(), "call", first["key_id"], first["key_id"]),
    )
    assert row is not None
    return str(row["outcome"])


@pytest.mark.parametrize("rotations", [2, 3, 4])
@pytest.mark.parametrize(("was_good", "outcome"), [(True, "expired"), (False, "reused")])
async def test_what_was_overtaken_while_it_waited_is_no_reuse(
    authority: Served, database: Connection, rotations: int, *, was_good: bool, outcome: str
) -> None:
    pair = await authority.client.create_pair(ANN)
    first = await the_session(database)
    for _ in range(rotations):
        pair = (await authority.client.refresh(pair.refresh_token)).pair

    assert await settle(database, first, was_good=was_good, arrived=timedelta(0)) == outcome

    async def is_as_said() -> bool:
        return bool(await authority.client.validate(pair.access_token)) is was_good

    # Behind the back of the authority, which finds it when it asks for what is new.
    await eventually(is_as_said)


@pytest.mark.parametrize(
    ("arrived", "outcome"),
    [(timedelta(seconds=30), "replayed"), (timedelta(seconds=30, microseconds=1), "reused")],
)
async def test_the_window_is_for_when_the_call_arrived(
    authority: Served, database: Connection, arrived: timedelta, outcome: str
) -> None:
    pair = await authority.client.create_pair(ANN)
    first = await the_session(database)
    await authority.client.refresh(pair.refresh_token)

    assert await settle(database, first, was_good=False, arrived=arrived) == outcome


@pytest.mark.parametrize(
    ("change", "device_id", "outcome"),
    [
        ("", "", "overtaken"),
        ("", "laptop", "overtaken"),
        ("", "phone", "lost"),
        ("SET rotated_at = rotated_at - interval '31 s'", "", "lost"),
        ("SET parent_fingerprint = 'grandparent'", "", "lost"),
    ],
)
async def test_a_loser_knows_whether_its_token_was_good(
    authority: Served, database: Connection, change: str, device_id: str, outcome: str
) -> None:
    pair = await authority.client.create_pair(ANN, device=LAPTOP)
    first = await the_session(database)
    await authority.client.refresh(pair.refresh_token)
    if change:
        await database.execute(f"UPDATE tokenauthority.sessions {change}")

    minutes = timedelta(minutes=1)
    row = await database.fetchrow(
        statements.ROTATE,
        *(first["user_id"], first["session_id"], first["current_fingerprint"], b"next"),
        *(minutes, minutes, "key-1", "", "", 6000, timedelta(seconds=30), device_id),
        first["key_id"],
    )

    assert row is not None
    assert row["outcome"] == outcome


async def the_session(database: Connection) -> asyncpg.Record:
    session = await database.fetchrow("SELECT * FROM tokenauthority.sessions")
    assert session is not None
    return session
