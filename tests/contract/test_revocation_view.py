"""RevocationView: of all that was revoked, what kills a token."""

from dataclasses import replace

from support.asking import ADA, BOB, access_claims, new_session, refresh_claims
from support.steps import (
    create,
    death,
    end_session,
    end_user_sessions,
    revoke_key,
    revoke_token,
)
from support.stores import Stores

from tokenauthority_server.domain.revocations import (
    Check,
    CheckSource,
    Death,
    RevocationReason,
)
from tokenauthority_server.domain.tokens import Claims, InactiveReason, TokenType


async def test_no_question_has_no_answer(stores: Stores) -> None:
    assert await stores.view.check([]) == Check(CheckSource.DATABASE, ())


async def test_deaths_come_in_the_order_asked(stores: Stores) -> None:
    living, ended, other = [
        access_claims(await create(stores, new_session(user))) for user in (ADA, ADA, BOB)
    ]
    ended_grant = await create(stores)
    ended = access_claims(ended_grant)
    await end_session(stores, ended_grant, RevocationReason.ADMIN)
    await revoke_token(stores, other, RevocationReason.LOGOUT)
    by_session = Death(InactiveReason.SESSION_REVOKED, RevocationReason.ADMIN)
    by_token = Death(InactiveReason.TOKEN_REVOKED, RevocationReason.LOGOUT)
    asked = [ended, living, other, living, ended]
    assert await stores.view.check(asked) == Check(
        CheckSource.DATABASE, (by_session, None, by_token, None, by_session)
    )


async def test_a_thousand_tokens_are_one_question(stores: Stores) -> None:
    claims = access_claims(await create(stores))
    many = [replace(claims, token_id=f"token {number}") for number in range(1_000)]
    await revoke_token(stores, many[500])
    deaths = (await stores.view.check(many)).deaths
    assert [number for number, one in enumerate(deaths) if one is not None] == [500]


async def test_of_several_causes_the_nearest_is_told(stores: Stores) -> None:
    grant = await create(stores)
    claims = access_claims(grant)
    reasons = [await told(stores, claims)]
    await revoke_key(stores, grant.key_id)
    reasons.append(await told(stores, claims))
    await create(stores, new_session(replace(ADA, roles=()), key_id="key-2"))
    reasons.append(await told(stores, claims))
    later = replace(claims, session_id="sess_later", token_id="later")
    await end_user_sessions(stores, ADA.user_id, reason=RevocationReason.LOGOUT_ALL)
    reasons.append(await told(stores, later))
    assert reasons == [
        None,
        (InactiveReason.KEY_REVOKED, RevocationReason.KEY_REVOKED),
        (InactiveReason.USER_REVOKED, RevocationReason.PROFILE_CHANGED),
        (InactiveReason.USER_REVOKED, RevocationReason.LOGOUT_ALL),
    ]


async def test_a_token_and_its_session_come_before_the_user(stores: Stores) -> None:
    by_token, by_session = await create(stores), await create(stores)
    await revoke_token(stores, access_claims(by_token))
    await end_session(stores, by_token)
    await end_session(stores, by_session)
    await end_user_sessions(stores, ADA.user_id)
    assert await told(stores, access_claims(by_token)) == (
        InactiveReason.TOKEN_REVOKED,
        RevocationReason.LOGOUT,
    )
    assert await told(stores, access_claims(by_session)) == (
        InactiveReason.SESSION_REVOKED,
        RevocationReason.LOGOUT,
    )


async def told(
    stores: Stores, claims: Claims
) -> tuple[InactiveReason, RevocationReason | None] | None:
    found = await death(stores, claims)
    return None if found is None else (found.reason, found.revocation_reason)


async def test_a_key_kills_the_tokens_of_every_user(stores: Stores) -> None:
    grants = [await create(stores, new_session(user, key_id="key-9")) for user in (ADA, BOB)]
    other = await create(stores, new_session(key_id="key-1"))
    await revoke_key(stores, "key-9")
    dead = Death(InactiveReason.KEY_REVOKED, RevocationReason.KEY_REVOKED)
    for grant in grants:
        assert await death(stores, access_claims(grant)) == dead
        assert await death(stores, refresh_claims(grant)) == dead
    assert await death(stores, access_claims(other)) is None


async def test_a_lost_right_concerns_access_tokens_only(stores: Stores) -> None:
    grant = await create(stores)
    await create(stores, new_session(replace(ADA, roles=())))
    assert await death(stores, access_claims(grant)) is not None
    assert await death(stores, refresh_claims(grant)) is None


async def test_a_fact_kills_its_own_kind_of_target_only(stores: Stores) -> None:
    grant = await create(stores)
    await end_session(stores, grant)
    lookalike = Claims(
        token_type=TokenType.ACCESS,
        user_id=ADA.user_id,
        session_id="sess_other",
        token_id=grant.session_id,
        key_id=grant.session_id,
        issue_time=0,
        expire_time=0,
        epoch=0,
    )
    assert await death(stores, lookalike) is None


async def test_without_a_question_nothing_is_known(stores: Stores) -> None:
    assert stores.view.check_now(access_claims(await create(stores))) is None
