"""What counts as a use of a session: what its user did, and nothing that was merely asked about."""

from datetime import timedelta

import pytest
from support.asking import ADA, ORIGIN, PHONE
from support.use_cases import EVERYTHING, Authority

from tokenauthority_server.domain.revocations import RevocationReason
from tokenauthority_server.domain.sessions import CreateRequest, Device
from tokenauthority_server.domain.tokens import TokenPair, TokenType

LATER = timedelta(minutes=2)


@pytest.fixture
async def pair(here: Authority) -> TokenPair:
    """A pair that was made a while ago."""
    asked = CreateRequest(user_id=ADA.user_id, profile=ADA, device=PHONE)
    pair = await here.issuing.create_pair(asked, ORIGIN)
    here.database.clock.advance(LATER)
    return pair


async def was_used(here: Authority) -> bool:
    (listed,) = (await here.listing.list_sessions(ADA.user_id, 0, "")).sessions
    return listed.last_activity_time > listed.create_time


async def test_a_good_access_token_is_a_use(here: Authority, pair: TokenPair) -> None:
    await here.validating.validate(pair.access_token, TokenType.ACCESS, EVERYTHING)
    assert await was_used(here)


async def test_of_many_tokens_each_good_one_is(here: Authority, pair: TokenPair) -> None:
    await here.validating.validate_many(
        ["no token", pair.access_token], TokenType.ACCESS, EVERYTHING
    )
    assert await was_used(here)


async def test_a_refresh_is_a_use(here: Authority, pair: TokenPair) -> None:
    await here.refreshing.refresh(pair.refresh_token, Device(), ORIGIN)
    assert await was_used(here)


async def test_asking_for_a_refresh_token_is_none(here: Authority, pair: TokenPair) -> None:
    verdict = await here.validating.validate(pair.refresh_token, TokenType.REFRESH, EVERYTHING)
    assert verdict.reason is None
    assert not await was_used(here)


async def test_a_refused_token_is_none(here: Authority, pair: TokenPair) -> None:
    await here.revoking.revoke_token(pair.access_token, RevocationReason.LOGOUT, ORIGIN)
    await here.validating.validate(pair.access_token, TokenType.ACCESS, EVERYTHING)
    await here.validating.validate(pair.refresh_token, TokenType.ACCESS, EVERYTHING)
    assert not await was_used(here)
