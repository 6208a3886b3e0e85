"""How often a call crosses to the database and back, counted on the wire."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
from support.authority import Served, serving
from support.callers import ANN, LAPTOP
from support.postgres import Databases
from support.proxy import Proxy

from tokenauthority_client import TokenPair, TokenType

ONE_ROUND_TRIP = Counter({"B": 1, "E": 1, "S": 1})
"""Bind, Execute and Sync of a statement that was prepared before."""
WARMING = 3

Ask = Callable[[Served, TokenPair], Awaitable[object]]

ASKED: dict[str, Ask] = {
    "CreatePair by profile": lambda authority, _: authority.client.create_pair(ANN, device=LAPTOP),
    "CreatePair by user_id": lambda authority, _: authority.client.create_pair(ANN.user_id),
    "CreatePair with request_id": lambda authority, pair: authority.client.create_pair(
        ANN, request_id=pair.session_id
    ),
    "Refresh": lambda authority, pair: authority.client.refresh(pair.refresh_token),
    "Revoke access token": lambda authority, pair: authority.client.revoke_token(pair.access_token),
    "Revoke refresh token": lambda authority, pair: authority.client.revoke_token(
        pair.refresh_token
    ),
    "Revoke session": lambda authority, pair: authority.client.revoke_session(pair.session_id),
    "Revoke user": lambda authority, _: authority.client.revoke_user(ANN.user_id),
    "Validate": lambda authority, pair: authority.client.validate(pair.access_token),
    "Validate refresh token": lambda authority, pair: authority.client.validate(
        pair.refresh_token, expected_type=TokenType.REFRESH
    ),
    "BatchValidate": lambda authority, pair: authority.client.batch_validate(
        [pair.access_token] * 100
    ),
    "ListSessions": lambda authority, _: authority.client.list_sessions(ANN.user_id),
}
FREE: dict[str, Ask] = {
    "Validate of no token": lambda authority, _: authority.client.validate("no token"),
    "Refresh of no token": lambda authority, _: refused(authority),
    "GetPublicKeys": lambda authority, _: authority.client.get_public_keys(),
}


async def refused(authority: Served) -> None:
    with pytest.raises(Exception, match="REFRESH_TOKEN_INVALID"):
        await authority.client.refresh("no token")


def in_the_clear(url: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}sslmode=disable"


@pytest.fixture(scope="module")
async def watched(databases: Databases, redis_url: str) -> AsyncIterator[tuple[Served, Proxy]]:
    """An authority behind a proxy, which asks nothing beside the calls."""
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(databases.fresh())
        proxy = await stack.enter_async_context(Proxy.before(in_the_clear(url)))
        authority = await stack.enter_async_context(serving(proxy.url, redis_url))
        # It watches over the stores.
        authority.authority.background.cancel()
        yield authority, proxy


@pytest.mark.parametrize("what", [*ASKED, *FREE])
async def test_a_call_is_one_round_trip_or_none(watched: tuple[Served, Proxy], what: str) -> None:
    authority, proxy = watched
    ask = (ASKED | FREE)[what]
    for _ in range(WARMING):
        await ask(authority, await authority.client.create_pair(ANN))
    pair = await authority.client.create_pair(ANN)
    proxy.asked.clear()

    await ask(authority, pair)

    assert proxy.asked == (ONE_ROUND_TRIP if what in ASKED else Counter())
