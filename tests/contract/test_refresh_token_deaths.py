"""SessionStore.refresh_token_deaths: why a refresh token cannot be used, without using it."""

from dataclasses import replace
from datetime import timedelta

from support.asking import ADA, BOB, LIFETIMES, new_session, refresh_claims, rotation_of
from support.steps import (
    create,
    end_session,
    end_user_sessions,
    live_session_ids,
    refresh_death,
    revoke_key,
    rotate,
)
from support.stores import Stores

from tokenauthority_server.domain.revocations import Death, RevocationReason
from tokenauthority_server.domain.sessions import Grant
from tokenauthority_server.domain.tokens import InactiveReason


async def test_the_current_token_of_a_live_session_lives(stores: Stores) -> None:
    first = await create(stores)
    assert await refresh_death(stores, first) is None
    assert await refresh_death(stores, await rotate(stores, first)) is None


async def test_a_rotated_token_is_dead_even_within_the_grace(stores: Stores) -> None:
    first = await create(stores)
    await rotate(stores, await rotate(stores, first))
    assert await refresh_death(stores, first) == Death(InactiveReason.TOKEN_REVOKED, None)


async def test_asking_is_neither_use_nor_reuse(stores: Stores) -> None:
    first = await create(stores)
    second = await rotate(stores, first)
    before = await stores.records.metrics(ADA.user_id)
    for _ in range(3):
        await refresh_death(stores, first)
        await refresh_death(stores, second)
    assert await stores.records.metrics(ADA.user_id) == before
    assert await stores.records.audit_kinds(ADA.user_id) == ["session.created", "user.created"]
    assert (await rotate(stores, first)).replayed
    assert (await rotate(stores, second)).generation == 2


async def test_an_ended_session_says_why(stores: Stores) -> None:
    grant = await create(stores)
    await end_session(stores, grant, RevocationReason.ADMIN)
    assert await refresh_death(stores, grant) == Death(
        InactiveReason.SESSION_REVOKED, RevocationReason.ADMIN
    )


async def test_an_unknown_session_is_an_ended_one(stores: Stores) -> None:
    grant = await create(stores)
    await create(stores, new_session(BOB))
    claims = refresh_claims(grant)
    strange = [
        replace(claims, session_id="sess_unknown"),
        replace(claims, user_id=BOB.user_id),
        replace(claims, user_id="u-nobody"),
    ]
    deaths = await stores.sessions.refresh_token_deaths(strange)
    assert list(deaths) == [Death(InactiveReason.SESSION_REVOKED, None)] * 3


async def test_deaths_come_in_the_order_asked(stores: Stores) -> None:
    first, ended = await create(stores), await create(stores)
    second = await rotate(stores, first)
    await end_session(stores, ended, RevocationReason.ADMIN)
    asked = [refresh_claims(grant) for grant in (ended, first, second, first, ended)]
    by_session = Death(InactiveReason.SESSION_REVOKED, RevocationReason.ADMIN)
    rotated = Death(InactiveReason.TOKEN_REVOKED, None)
    deaths = await stores.sessions.refresh_token_deaths(asked)
    assert list(deaths) == [by_session, rotated, None, rotated, by_session]
    assert list(await stores.sessions.refresh_token_deaths([])) == []


async def test_a_users_ended_session_says_why(stores: Stores) -> None:
    grant = await create(stores)
    await end_user_sessions(stores, ADA.user_id, reason=RevocationReason.PASSWORD_CHANGED)
    assert await refresh_death(stores, grant) == Death(
        InactiveReason.USER_REVOKED, RevocationReason.PASSWORD_CHANGED
    )


async def test_a_users_ended_session_stays_dead_when_the_fact_is_dropped(stores: Stores) -> None:
    grant = await create(stores)
    await end_user_sessions(stores, ADA.user_id)
    await stores.advance(timedelta(hours=25))
    found = await refresh_death(stores, grant)
    assert found is not None
    assert found.reason is InactiveReason.USER_REVOKED


async def test_a_kept_sessions_token_lives(stores: Stores) -> None:
    grant = await create(stores)
    await end_user_sessions(stores, ADA.user_id, kept=grant)
    assert await refresh_death(stores, grant) is None


async def test_an_expired_session_is_dead(stores: Stores) -> None:
    grant = await create(stores)
    await stores.advance(LIFETIMES.refresh + timedelta(seconds=1))
    assert await refresh_death(stores, grant) == Death(InactiveReason.SESSION_EXPIRED, None)


async def test_a_session_past_its_absolute_end_is_dead(stores: Stores) -> None:
    grant = await create(stores, lifetimes=replace(LIFETIMES, session=timedelta(hours=1)))
    await stores.advance(timedelta(hours=1, seconds=1))
    assert await refresh_death(stores, grant) == Death(InactiveReason.SESSION_EXPIRED, None)


async def test_a_revoked_key_kills_what_it_signed(stores: Stores) -> None:
    old = await create(stores, new_session(key_id="key-1"))
    new = await create(stores, new_session(key_id="key-2"))
    await revoke_key(stores, "key-1")
    assert await refresh_death(stores, old) == Death(
        InactiveReason.KEY_REVOKED, RevocationReason.KEY_REVOKED
    )
    assert await refresh_death(stores, new) is None
    assert await live_session_ids(stores, ADA.user_id) == {new.session_id}


async def test_a_revoked_key_kills_the_sessions_whose_current_token_it_signed(
    stores: Stores,
) -> None:
    older = await create(stores, new_session(key_id="key-1"))
    current = await rotate(stores, rotation_of(older, key_id="key-2"))
    rotated_away = await create(stores, new_session(key_id="key-2"))
    kept = await rotate(stores, rotation_of(rotated_away, key_id="key-1"))
    await revoke_key(stores, "key-2")
    by_key = RevocationReason.KEY_REVOKED
    assert await refresh_death(stores, current) == Death(InactiveReason.KEY_REVOKED, by_key)
    assert await refresh_death(stores, older) == Death(InactiveReason.SESSION_REVOKED, by_key)
    assert await refresh_death(stores, rotated_away) == Death(InactiveReason.KEY_REVOKED, by_key)
    assert await refresh_death(stores, kept) is None


async def test_of_several_causes_the_most_final_is_told(stores: Stores) -> None:
    rotated = await create(stores, lifetimes=replace(LIFETIMES, session=timedelta(days=1)))
    current = await rotate(stores, rotated)
    assert (await told(stores, rotated)) == (InactiveReason.TOKEN_REVOKED, None)
    await stores.advance(timedelta(days=1))
    assert (await told(stores, rotated)) == (InactiveReason.SESSION_EXPIRED, None)
    await end_user_sessions(stores, ADA.user_id)
    by_user = (InactiveReason.USER_REVOKED, RevocationReason.LOGOUT_ALL)
    assert (await told(stores, rotated)) == by_user
    await revoke_key(stores, current.key_id)
    by_key = (InactiveReason.KEY_REVOKED, RevocationReason.KEY_REVOKED)
    assert (await told(stores, current)) == by_key
    of_session = (InactiveReason.SESSION_REVOKED, RevocationReason.KEY_REVOKED)
    assert (await told(stores, replace(rotated, key_id="key-0"))) == of_session


async def test_an_ended_session_is_told_before_the_user_and_the_token(stores: Stores) -> None:
    rotated = await create(stores)
    await end_session(stores, await rotate(stores, rotated), RevocationReason.LOGOUT)
    await end_user_sessions(stores, ADA.user_id)
    await stores.advance(LIFETIMES.refresh + timedelta(seconds=1))
    by_session = (InactiveReason.SESSION_REVOKED, RevocationReason.LOGOUT)
    assert (await told(stores, rotated)) == by_session


async def told(
    stores: Stores, grant: Grant
) -> tuple[InactiveReason, RevocationReason | None] | None:
    found = await refresh_death(stores, grant)
    return None if found is None else (found.reason, found.revocation_reason)
