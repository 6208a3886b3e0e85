"""Refreshing at the same time as others do, over two replicas of the authority."""

import asyncio
from collections.abc import AsyncIterator
from itertools import cycle, islice

import pytest
from support.authority import Served, serving
from support.callers import ANN, LAPTOP

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
