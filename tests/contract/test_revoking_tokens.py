"""SessionRevoker.revoke_token: an access token dies alone."""

from dataclasses import replace
from datetime import timedelta

from support.asking import ADA, BOB, access_claims, new_session
from support.steps import (
    create,
    death,
    end_session,
    end_user_sessions,
    refresh_death,
    revoke_key,
    revoke_token,
    rotate,
)
from support.stores import Stores

from tokenauthority_server.domain.revocations import (
    FACT_MARGIN,
    Death,
    Fact,
    FactKind,
    RevocationReason,
)
from tokenauthority_server.domain.tokens import InactiveReason


async def test_a_living_token_dies_alone(stores: Stores) -> None:
    grant = await create(stores)
    claims = access_claims(grant)
    assert await revoke_token(stores, claims, RevocationReason.ADMIN) == 1
    assert await death(stores, claims) == Death(
        InactiveReason.TOKEN_REVOKED, RevocationReason.ADMIN
    )
    assert await refresh_death(stores, grant) is None
    assert await death(stores, access_claims(await rotate(stores, grant))) is None


async def test_it_is_written_counted_and_audited(stores: Stores) -> None:
    claims = access_claims(await create(stores))
    await revoke_token(stores, claims)
    assert await stores.records.facts(ADA.user_id) == {
        Fact(
            kind=FactKind.TOKEN,
            user_id=ADA.user_id,
            target=claims.token_id,
            reason=RevocationReason.LOGOUT,
        )
    }
    assert await stores.records.metrics(ADA.user_id) == {
        ("phone", "created"): 1,
        ("phone", "revoked"): 1,
    }
    kinds = ["session.created", "token.revoked", "user.created"]
    assert await stores.records.audit_kinds(ADA.user_id) == kinds


async def test_what_is_dead_counts_nothing_and_is_not_written(stores: Stores) -> None:
    revoked, in_ended, expired, outdated, of_user, of_key = [
        await create(stores, new_session(key_id=f"key-{number}")) for number in range(6)
    ]
    await end_session(stores, in_ended)
    await revoke_token(stores, access_claims(revoked))
    await revoke_key(stores, of_key.key_id)
    await create(stores, new_session(replace(ADA, roles=())))
    reduced = await create(stores, new_session(ADA.user_id))
    past = int((expired.now - FACT_MARGIN).timestamp()) - 1
    dead = [
        access_claims(revoked),
        access_claims(in_ended),
        replace(access_claims(reduced), expire_time=past),
        access_claims(outdated),
        access_claims(of_key),
    ]
    before = await written(stores)
    assert [await revoke_token(stores, claims) for claims in dead] == [0] * len(dead)
    assert await written(stores) == before
    await end_user_sessions(stores, ADA.user_id)
    before = await written(stores)
    assert await revoke_token(stores, replace(access_claims(of_user), profile_epoch=9)) == 0
    assert await written(stores) == before


async def test_a_token_that_has_just_expired_dies_uncounted(stores: Stores) -> None:
    # Verifiers accept it for their leeway still, and must not after the acknowledgement.
    grant = await create(stores)
    claims = replace(access_claims(grant), expire_time=int(grant.now.timestamp()) - 1)
    assert await revoke_token(stores, claims) == 0
    assert await death(stores, claims) == Death(
        InactiveReason.TOKEN_REVOKED, RevocationReason.LOGOUT
    )
    assert await stores.records.audit_kinds(ADA.user_id) == ["session.created", "user.created"]
    assert ("phone", "revoked") not in await stores.records.metrics(ADA.user_id)


async def written(stores: Stores) -> tuple[object, ...]:
    return (
        await stores.records.facts(ADA.user_id),
        await stores.records.metrics(ADA.user_id),
        await stores.records.audit_kinds(ADA.user_id),
    )


async def test_the_first_reason_stays(stores: Stores) -> None:
    claims = access_claims(await create(stores))
    await revoke_token(stores, claims, RevocationReason.ADMIN)
    await revoke_token(stores, claims, RevocationReason.LOGOUT)
    assert await death(stores, claims) == Death(
        InactiveReason.TOKEN_REVOKED, RevocationReason.ADMIN
    )


async def test_a_token_of_a_kept_session_is_alive(stores: Stores) -> None:
    grant = await create(stores)
    await end_user_sessions(stores, ADA.user_id, kept=grant)
    assert await revoke_token(stores, access_claims(grant)) == 1


async def test_it_concerns_no_other_token(stores: Stores) -> None:
    grant = await create(stores)
    other = await create(stores, new_session(BOB))
    claims = access_claims(grant)
    await revoke_token(stores, claims)
    assert await death(stores, replace(claims, token_id="another")) is None
    assert await death(stores, replace(access_claims(other), token_id=claims.token_id)) is None


async def test_the_fact_outlives_the_token_by_a_margin(stores: Stores) -> None:
    claims = access_claims(await create(stores))
    await revoke_token(stores, claims)
    await stores.advance(timedelta(minutes=34))
    assert await death(stores, claims) is not None
    await stores.advance(timedelta(minutes=2))
    assert await death(stores, claims) is None
