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

ROUND_TRIP = ("B", "E", "S")
"""Bind, Execute and Sync of a statement that was prepared before."""
WARMING = 3
ATTEMPTS = 4
"""Every two seconds it asks for new revocations: a question that is none of the call's."""

Ask = Callable[[Served, TokenPair], Awaitable[object]]

ASKED: dict[str, Ask] = {
    "CreatePair by profile": lambda authority, _: authority.client.create_pair(ANN, device=LAPTOP),
    "CreatePair by user_id": lambda authority, _: authority.client.create_pair(ANN.user_id),
    "CreatePair with request_id": lambda authority, pair: authority.client.create_pair(
        ANN, request_id=pair.session_id
    ),
    "Refresh": lambda authority, pair: authority.client.refresh(pair.refresh_token),
    "Validate refresh token": lambda authority, pair: authority.client.validate(
        pair.refresh_token, expected_type=TokenType.REFRESH
    ),
    "ListSessions": lambda authority, _: authority.client.list_sessions(ANN.user_id),
}
REVOKING: dict[str, Ask] = {
    "Revoke access token": lambda authority, pair: authority.client.revoke_token(pair.access_token),
    "Revoke refresh token": lambda authority, pair: authority.client.revoke_token(
        pair.refresh_token
    ),
    "Revoke session": lambda authority, pair: authority.client.revoke_session(pair.session_id),
    "Revoke user": lambda authority, _: authority.client.revoke_user(ANN.user_id),
}
"""The change, and the question for the facts that have to become known."""
FREE: dict[str, Ask] = {
    "Validate": lambda authority, pair: authority.client.validate(pair.access_token),
    "BatchValidate": lambda authority, pair: authority.client.batch_validate(
        [pair.access_token] * 100
    ),
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


ROUND_TRIPS = dict.fromkeys(ASKED, 1) | dict.fromkeys(REVOKING, 2) | dict.fromkeys(FREE, 0)


@pytest.mark.parametrize("what", [*ASKED, *REVOKING, *FREE])
async def test_how_often_a_call_asks(watched: tuple[Served, Proxy], what: str) -> None:
    authority, proxy = watched
    ask = (ASKED | REVOKING | FREE)[what]
    for _ in range(WARMING):
        await ask(authority, await authority.client.create_pair(ANN))
    expected = Counter(dict.fromkeys(ROUND_TRIP, ROUND_TRIPS[what]))
    found = []
    for _ in range(ATTEMPTS):
        pair = await authority.client.create_pair(ANN)
        proxy.asked.clear()
        await ask(authority, pair)
        found.append(+Counter(proxy.asked))
    assert +expected in found, found
    assert min(one.total() for one in found) == expected.total()
