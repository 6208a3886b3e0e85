"""Sessions from their first pair to their end, as the client package shows them."""

from datetime import UTC, datetime, timedelta

import pytest
from support.callers import ANN, BEN, LAPTOP, PHONE
from support.waiting import eventually

from tokenauthority_client import (
    CheckSource,
    Claims,
    Device,
    InactiveReason,
    RefreshTokenReusedError,
    RequestIdReusedError,
    RequestIdSpentError,
    RevocationReason,
    SessionEndedError,
    Subject,
    TokenAuthorityClient,
    TokenType,
)

SCOPE = ("shop:read", "shop:write")


async def test_a_pair_is_good_and_says_what_it_was_made_of(client: TokenAuthorityClient) -> None:
    pair = await client.create_pair(ANN, device=LAPTOP, scope=SCOPE)

    access = await client.validate(pair.access_token)
    refresh = await client.validate(pair.refresh_token, expected_type=TokenType.REFRESH)

    assert access.active
    assert access.source in {CheckSource.LEASED_VIEW, CheckSource.DATABASE}
    assert access.claims is not None
    assert refresh.claims is not None
    assert access.claims == Claims(
        user_id=ANN.user_id,
        username=ANN.username,
        email=ANN.email,
        roles=ANN.roles,
        permissions=ANN.permissions,
        session_id=pair.session_id,
        device_id=LAPTOP.device_id,
        scope=SCOPE,
        token_type=TokenType.ACCESS,
        issuer="wakedock",
        audience="wakedock-users",
        issue_time=access.claims.issue_time,
        expire_time=pair.access_expire_time,
        token_id=access.claims.token_id,
        key_id=access.claims.key_id,
        epoch=0,
        profile_epoch=0,
    )
    assert refresh.claims.token_type is TokenType.REFRESH
    assert refresh.claims.audience == "wakedock"
    assert (refresh.claims.username, refresh.claims.roles) == ("", ())
    assert refresh.claims.expire_time == pair.refresh_expire_time
    assert pair.token_type == "Bearer"
    assert 1790 <= pair.expires_in <= 1800
    assert abs(access.claims.issue_time - datetime.now(UTC)) < timedelta(minutes=1)


async def test_each_token_is_refused_where_the_other_is_expected(
    client: TokenAuthorityClient,
) -> None:
    pair = await client.create_pair(ANN)

    as_refresh = await client.validate(pair.access_token, expected_type=TokenType.REFRESH)
    as_access = await client.validate(pair.refresh_token)

    assert as_refresh.reason is as_access.reason is InactiveReason.WRONG_TYPE


async def test_a_batch_is_answered_in_its_order(client: TokenAuthorityClient) -> None:
    good = await client.create_pair(ANN)
    dead = await client.create_pair(BEN)
    await client.revoke_session(dead.session_id)

    results = await client.batch_validate(
        [good.access_token, "no token", dead.access_token, "", good.access_token]
    )

    assert [result.reason for result in results] == [
        None,
        InactiveReason.MALFORMED,
        InactiveReason.SESSION_REVOKED,
        InactiveReason.MALFORMED,
        None,
    ]
    assert await client.batch_validate([]) == ()


async def test_a_known_user_needs_no_profile(client: TokenAuthorityClient) -> None:
    await client.create_pair(ANN)

    pair = await client.create_pair(ANN.user_id)

    claims = (await client.validate(pair.access_token)).claims
    assert claims is not None
    assert (claims.username, claims.roles) == (ANN.username, ANN.roles)


async def test_a_refresh_gives_the_next_pair_of_the_same_session(
    client: TokenAuthorityClient,
) -> None:
    first = await client.create_pair(ANN, device=LAPTOP, scope=SCOPE)

    refreshed = await client.refresh(first.refresh_token)

    second = refreshed.pair
    assert not refreshed.replayed
    assert second.session_id == first.session_id
    assert second.access_token != first.access_token
    assert second.refresh_token != first.refresh_token
    claims = (await client.validate(second.access_token)).claims
    assert claims is not None
    assert (claims.device_id, claims.scope, claims.roles) == ("laptop", SCOPE, ANN.roles)
    rotated = await client.validate(first.refresh_token, expected_type=TokenType.REFRESH)
    assert rotated.reason is InactiveReason.TOKEN_REVOKED
    # Refreshing is no revocation: access tokens live on until they expire or the session ends.
    assert await client.validate(first.access_token)


async def test_a_refresh_asked_again_gives_the_same_pair(client: TokenAuthorityClient) -> None:
    first = await client.create_pair(ANN, device=LAPTOP)
    once = await client.refresh(first.refresh_token)

    again = await client.refresh(first.refresh_token, device=LAPTOP)

    assert (once.replayed, again.replayed) == (False, True)
    assert again.pair.access_expire_time == once.pair.access_expire_time
    for kind, one, other in (
        (TokenType.ACCESS, once.pair.access_token, again.pair.access_token),
        (TokenType.REFRESH, once.pair.refresh_token, again.pair.refresh_token),
    ):
        results = await client.batch_validate([one, other], expected_type=kind)
        assert results[0].active
        assert results[0].claims == results[1].claims


@pytest.mark.parametrize("how", ["grandparent", "successor used", "another device"])
async def test_reuse_ends_the_session(client: TokenAuthorityClient, how: str) -> None:
    first = await client.create_pair(ANN, device=LAPTOP)
    other = await client.create_pair(ANN, device=PHONE)
    newest = (await client.refresh(first.refresh_token)).pair
    if how == "grandparent":
        newest = (await client.refresh(newest.refresh_token)).pair
    if how == "successor used":
        newest = (await client.refresh(newest.refresh_token)).pair
        newest = (await client.refresh(newest.refresh_token)).pair

    with pytest.raises(RefreshTokenReusedError):
        await client.refresh(
            first.refresh_token, device=Device(device_id="thief") if "device" in how else None
        )

    result = await client.validate(newest.access_token)
    assert result.reason is InactiveReason.SESSION_REVOKED
    assert result.revocation_reason is RevocationReason.REUSE_DETECTED
    with pytest.raises(SessionEndedError):
        await client.refresh(newest.refresh_token)
    assert await client.validate(other.access_token)


async def test_a_request_id_makes_one_pair(client: TokenAuthorityClient) -> None:
    first = await client.create_pair(ANN, device=LAPTOP, request_id="r-1")

    again = await client.create_pair(ANN, device=LAPTOP, request_id="r-1")

    assert again.session_id == first.session_id
    assert again.refresh_expire_time == first.refresh_expire_time
    assert len((await client.list_sessions(ANN.user_id)).sessions) == 1
    with pytest.raises(RequestIdReusedError):
        await client.create_pair(ANN, device=PHONE, request_id="r-1")
    await client.refresh(again.refresh_token)
    with pytest.raises(RequestIdSpentError):
        await client.create_pair(ANN, device=LAPTOP, request_id="r-1")


async def test_a_new_profile_shows_with_the_next_refresh(client: TokenAuthorityClient) -> None:
    first = await client.create_pair(ANN)
    await client.create_pair(Subject(user_id=ANN.user_id, username="anna", roles=("author",)))

    refreshed = (await client.refresh(first.refresh_token)).pair

    # A right was lost, so the token that still carries it is dead.
    before = await client.validate(first.access_token)
    assert before.reason is InactiveReason.USER_REVOKED
    assert before.revocation_reason is RevocationReason.PROFILE_CHANGED
    claims = (await client.validate(refreshed.access_token)).claims
    assert claims is not None
    assert (claims.username, claims.roles, claims.permissions) == ("anna", ("author",), ())


async def test_sessions_are_listed_newest_first_page_by_page(client: TokenAuthorityClient) -> None:
    pairs = [await client.create_pair(ANN, device=LAPTOP, scope=SCOPE) for _ in range(5)]
    foreign = await client.create_pair(BEN)
    await client.revoke_session(pairs[2].session_id)
    expected = [pairs[index].session_id for index in (4, 3, 1, 0)]

    paged = [one.session_id async for one in client.iter_sessions(ANN.user_id, page_size=3)]
    whole = await client.list_sessions(ANN.user_id)

    assert paged == [one.session_id for one in whole.sessions] == expected
    assert foreign.session_id not in expected
    assert whole.next_page_token == ""
    session = whole.sessions[0]
    assert (session.user_id, session.device, session.scope) == (ANN.user_id, LAPTOP, SCOPE)
    assert session.create_time < session.expire_time < session.end_time
    assert (await client.list_sessions("nobody")).sessions == ()


async def test_a_listed_session_shows_its_last_use_and_device(client: TokenAuthorityClient) -> None:
    pair = await client.create_pair(ANN, device=LAPTOP)
    (before,) = (await client.list_sessions(ANN.user_id)).sessions
    moved = Device(device_id="laptop", user_agent="browser/2", ip_address="192.0.2.99")
    await client.refresh(pair.refresh_token, device=moved)

    async def shown() -> bool:
        (after,) = (await client.list_sessions(ANN.user_id)).sessions
        assert before.last_activity_time is not None
        assert after.last_activity_time is not None
        return after.device == moved and after.last_activity_time > before.last_activity_time

    await eventually(shown)
