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
    database: Connection,
    session: asyncpg.Record,
    presented: bytes,
    successor: bytes,
    arrived: timedelta,
) -> str:
    """What the database says of a loser that arrived so long after the last rotation."""
    now = session["rotated_at"] + arrived
    nobody = ("", "", "")
    times = (now, now, 6000, timedelta(seconds=30), timedelta(minutes=5))
    row = await database.fetchrow(
        statements.SETTLE,
        *(session["user_id"], session["session_id"], presented, successor),
        *(*nobody, *times, "", uuid4(), "call"),
    )
    assert row is not None
    return str(row["outcome"])


@pytest.mark.parametrize(
    ("arrived", "outcome"), [(-timedelta(microseconds=1), "expired"), (timedelta(0), "reused")]
)
async def test_a_token_that_was_good_when_it_arrived_is_no_reuse(
    authority: Served, database: Connection, arrived: timedelta, outcome: str
) -> None:
    # Its successor was used while it waited. What arrived afterwards is reuse.
    pair = await authority.client.create_pair(ANN)
    first = await the_session(database)
    second = await authority.client.refresh(pair.refresh_token)
    await authority.client.refresh(second.pair.refresh_token)
    session = await the_session(database)

    settled = await settle(
        database, session, first["current_fingerprint"], session["parent_fingerprint"], arrived
    )

    assert settled == outcome
    assert bool(await authority.client.validate(pair.access_token)) is (outcome == "expired")


async def test_what_was_old_when_it_arrived_is_reuse_whatever_came_since(
    authority: Served, database: Connection
) -> None:
    pair = await authority.client.create_pair(ANN)
    first = await the_session(database)
    for _ in range(3):
        pair = (await authority.client.refresh(pair.refresh_token)).pair
    session = await the_session(database)

    # Its successor had been used before, so it is none of those that a late call may still know.
    settled = await settle(
        database, session, first["current_fingerprint"], b"its successor", -timedelta(seconds=1)
    )

    assert settled == "reused"
    assert not await authority.client.validate(pair.access_token)


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
    session = await the_session(database)

    settled = await settle(
        database, session, first["current_fingerprint"], session["current_fingerprint"], arrived
    )

    assert settled == outcome


async def the_session(database: Connection) -> asyncpg.Record:
    session = await database.fetchrow("SELECT * FROM tokenauthority.sessions")
    assert session is not None
    return session
