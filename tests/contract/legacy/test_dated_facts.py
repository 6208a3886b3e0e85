"""DatedFacts: what could kill tokens, each fact with when it was written."""

from dataclasses import replace
from datetime import timedelta

from contract.legacy.conftest import Migrating
from support.asking import ADA, BOB, ORIGIN, access_claims, new_session, refresh_claims
from support.steps import create, death, end_session, end_user_sessions, revoke_token

from tokenauthority_server.adapters.legacy.facts import WRITING
from tokenauthority_server.domain.revocations import Fact, FactKind, RevocationReason

STRANGER = "u-stranger"


async def found(here: Migrating, *user_ids: str) -> set[Fact]:
    claims = [await here.issued(user_id) for user_id in user_ids]
    return {one.fact for one in await here.facts.find(claims)}


async def add(
    here: Migrating, user_id: str, reason: RevocationReason = RevocationReason.ADMIN
) -> None:
    await here.facts.add(user_id, reason, ORIGIN)


async def test_no_token_asked_about_is_nothing_found(here: Migrating) -> None:
    await add(here, STRANGER)
    assert await here.facts.find(()) == []
    assert await found(here, ADA.user_id) == set()


async def test_all_that_could_kill_a_token_is_found_and_nothing_else(here: Migrating) -> None:
    grant = await create(here.stores)
    token = await here.issued(ADA.user_id, session_id=grant.session_id, jti="mine")
    await revoke_token(here.stores, token)
    await revoke_token(here.stores, replace(token, token_id="another"))
    await end_session(here.stores, grant)
    await end_session(here.stores, await create(here.stores))
    await here.revoke_key()
    await create(here.stores, new_session(replace(ADA, roles=())))
    await end_user_sessions(here.stores, ADA.user_id)
    await create(here.stores, new_session(BOB))
    await end_user_sessions(here.stores, BOB.user_id)
    facts = {(one.fact.kind, one.fact.target) for one in await here.facts.find([token, token])}
    assert facts == {
        (FactKind.TOKEN, "mine"),
        (FactKind.SESSION, grant.session_id),
        (FactKind.USER, ""),
        (FactKind.PROFILE, ""),
        (FactKind.KEY, "legacy"),
    }
    of_the_user = {one for one in await found(here, ADA.user_id) if one.kind is not FactKind.KEY}
    assert of_the_user == {
        one for one in await here.stores.records.facts(ADA.user_id) if one.target == ""
    }
    assert len(await found(here, ADA.user_id, BOB.user_id, STRANGER)) == 4


async def test_a_fact_has_the_time_of_its_writing(here: Migrating) -> None:
    await create(here.stores)
    before = await here.stores.records.now()
    await end_user_sessions(here.stores, ADA.user_id)
    after = await here.stores.records.now()
    assert before - WRITING <= (await here.user_fact(ADA.user_id)).create_time <= after


async def test_the_last_writing_counts(here: Migrating) -> None:
    await create(here.stores)
    for change in (end_user_sessions(here.stores, ADA.user_id), add(here, ADA.user_id)):
        await here.stores.advance(timedelta(minutes=10))
        before = await here.stores.records.now()
        await change
        assert (await here.user_fact(ADA.user_id)).create_time >= before - WRITING


async def test_what_is_over_is_not_found(here: Migrating) -> None:
    await add(here, STRANGER)
    await here.stores.advance(timedelta(hours=24, minutes=4))
    assert len(await found(here, STRANGER)) == 1
    await here.stores.advance(timedelta(minutes=2))
    assert await found(here, STRANGER) == set()
    await add(here, STRANGER)
    assert len(await found(here, STRANGER)) == 1


async def test_a_user_whom_the_directory_does_not_know_has_a_fact_too(here: Migrating) -> None:
    await add(here, STRANGER)
    fact = Fact(kind=FactKind.USER, user_id=STRANGER, target="", reason=RevocationReason.ADMIN)
    assert await found(here, STRANGER) == {fact}
    assert await here.stores.records.audit_kinds(STRANGER) == ["user.sessions_revoked"]
    await add(here, STRANGER, RevocationReason.LOGOUT_ALL)
    assert await found(here, STRANGER) == {replace(fact, reason=RevocationReason.LOGOUT_ALL)}


async def test_a_fact_that_is_there_keeps_its_epoch_and_its_exception(here: Migrating) -> None:
    kept = await create(here.stores)
    await create(here.stores)
    await end_user_sessions(here.stores, ADA.user_id, kept)
    (before,) = await found(here, ADA.user_id)
    assert (before.epoch, before.except_session_id) == (1, kept.session_id)
    audited = await here.stores.records.audit_kinds(ADA.user_id)
    await add(here, ADA.user_id)
    assert await found(here, ADA.user_id) == {replace(before, reason=RevocationReason.ADMIN)}
    assert await here.stores.records.audit_kinds(ADA.user_id) == audited


async def test_adding_kills_no_token_of_ours(here: Migrating) -> None:
    grant = await create(here.stores)
    await add(here, ADA.user_id)
    assert await death(here.stores, access_claims(grant)) is None
    assert (await here.stores.sessions.refresh_token_deaths([refresh_claims(grant)])) == [None]
    # Nor of a user who comes to the directory afterwards.
    await add(here, BOB.user_id)
    later = await create(here.stores, new_session(BOB))
    assert await death(here.stores, access_claims(later)) is None
    await end_user_sessions(here.stores, BOB.user_id)
    assert await death(here.stores, access_claims(later)) is not None
