"""Logout and LogoutAll."""

import pytest
from support.account_use_cases import Accounts, accounts_over
from support.asking import ORIGIN, PHONE
from support.use_cases import EVERYTHING, Authority

from tokenauthority_server.domain.errors import AccessTokenInvalidError, SessionEndedError
from tokenauthority_server.domain.revocations import RevocationReason
from tokenauthority_server.domain.tokens import TokenPair, TokenType
from tokenauthority_server.services.revoking import Revoked


@pytest.fixture
async def ours(here: Authority) -> Accounts:
    ours = accounts_over(here)
    await ours.ada()
    return ours


async def why_dead(ours: Accounts, pair: TokenPair) -> RevocationReason | None:
    verdict = await ours.authority.validating.validate(
        pair.access_token, TokenType.ACCESS, EVERYTHING
    )
    return verdict.revocation_reason


async def test_a_logout_ends_the_session_and_no_other(ours: Accounts) -> None:
    ended, other = await ours.login(), await ours.login()

    once = await ours.logging_out.logout(ended.refresh_token, ORIGIN)
    twice = await ours.logging_out.logout(ended.refresh_token, ORIGIN)

    assert (once, twice) == (
        Revoked(sessions=1, effective_everywhere=True),
        Revoked(effective_everywhere=True),
    )
    assert await why_dead(ours, ended) is RevocationReason.LOGOUT
    assert await why_dead(ours, other) is None
    with pytest.raises(SessionEndedError):
        await ours.authority.refreshing.refresh(ended.refresh_token, PHONE, ORIGIN)


async def test_a_rotated_token_logs_out_as_well(ours: Accounts) -> None:
    pair = await ours.login()
    await ours.authority.refreshing.refresh(pair.refresh_token, PHONE, ORIGIN)
    assert (await ours.logging_out.logout(pair.refresh_token, ORIGIN)).sessions == 1


async def test_what_is_no_token_ends_nothing(ours: Accounts) -> None:
    pair = await ours.login()
    for token in ("garbage", pair.refresh_token[:-1], ""):
        assert (await ours.logging_out.logout(token, ORIGIN)).sessions == 0
    assert await why_dead(ours, pair) is None


async def test_all_sessions_are_ended_or_all_but_the_tokens_own(ours: Accounts) -> None:
    pairs = [await ours.login() for _ in range(3)]
    token = pairs[0].access_token

    kept = await ours.logging_out.logout_all(token, ORIGIN, keep_current=True)
    assert kept == Revoked(sessions=2, effective_everywhere=True)
    assert [await why_dead(ours, one) for one in pairs] == [
        None,
        RevocationReason.LOGOUT_ALL,
        RevocationReason.LOGOUT_ALL,
    ]

    ended = await ours.logging_out.logout_all(token, ORIGIN, keep_current=False)
    assert ended.sessions == 1
    assert await why_dead(ours, pairs[0]) is RevocationReason.LOGOUT_ALL


async def test_only_a_good_access_token_speaks_for_its_user(ours: Accounts) -> None:
    dead, pair = await ours.login(), await ours.login()
    await ours.logging_out.logout(dead.refresh_token, ORIGIN)
    for token in ("garbage", "", pair.refresh_token, dead.access_token, pair.access_token + "="):
        with pytest.raises(AccessTokenInvalidError):
            await ours.logging_out.logout_all(token, ORIGIN, keep_current=False)
    assert await why_dead(ours, pair) is None
