"""SessionRevoker.end_session: a session ends with every token of it."""

from dataclasses import replace
from datetime import timedelta

import pytest
from support.asking import ADA, BOB, LIFETIMES, ORIGIN, access_claims, new_session
from support.steps import (
    create,
    death,
    end_session,
    end_user_sessions,
    live_session_ids,
    refresh_death,
    rotate,
)
from support.stores import Stores

from tokenauthority_server.domain.errors import SessionEndedError
from tokenauthority_server.domain.revocations import (
    FACT_MARGIN,
    Death,
    Fact,
    FactKind,
    RevocationReason,
)
from tokenauthority_server.domain.tokens import InactiveReason

LOGOUT = RevocationReason.LOGOUT


async def test_a_session_ends_with_every_token_of_it(stores: Stores) -> None:
    first = await create(stores)
    second = await rotate(stores, first)
    assert await end_session(stores, first, RevocationReason.ADMIN) == 1
    dead = Death(InactiveReason.SESSION_REVOKED, RevocationReason.ADMIN)
    assert await death(stores, access_claims(first)) == dead
    assert await death(stores, access_claims(second)) == dead
    assert await refresh_death(stores, second) == dead
    assert await live_session_ids(stores, ADA.user_id) == set()
    with pytest.raises(SessionEndedError):
        await rotate(stores, second)


async def test_it_is_written_counted_and_audited(stores: Stores) -> None:
    grant = await create(stores)
    await end_session(stores, grant)
    assert await stores.records.facts(ADA.user_id) == {
        Fact(kind=FactKind.SESSION, user_id=ADA.user_id, target=grant.session_id, reason=LOGOUT)
    }
    assert await stores.records.metrics(ADA.user_id) == {
        ("phone", "created"): 1,
        ("phone", "revoked"): 1,
    }
    kinds = ["session.created", "session.revoked", "user.created"]
    assert await stores.records.audit_kinds(ADA.user_id) == kinds


async def test_the_second_time_counts_nothing(stores: Stores) -> None:
    grant = await create(stores)
    await end_session(stores, grant, RevocationReason.ADMIN)
    before = await stores.records.metrics(ADA.user_id)
    assert await end_session(stores, grant, LOGOUT) == 0
    assert await stores.records.metrics(ADA.user_id) == before
    kinds = ["session.created", "session.revoked", "user.created"]
    assert await stores.records.audit_kinds(ADA.user_id) == kinds
    assert await death(stores, access_claims(grant)) == Death(
        InactiveReason.SESSION_REVOKED, RevocationReason.ADMIN
    )


async def test_it_is_found_without_its_user(stores: Stores) -> None:
    grant = await create(stores)
    assert await stores.revoker.end_session(grant.session_id, None, LOGOUT, ORIGIN) == 1
    assert await stores.revoker.end_session(grant.session_id, None, LOGOUT, ORIGIN) == 0
    assert await live_session_ids(stores, ADA.user_id) == set()
    assert (await stores.records.metrics(ADA.user_id))["phone", "revoked"] == 1


async def test_an_unknown_or_anothers_session_counts_nothing(stores: Stores) -> None:
    grant = await create(stores)
    await create(stores, new_session(BOB))
    for session_id, user_id in (
        ("sess_unknown", None),
        ("sess_unknown", ADA.user_id),
        (grant.session_id, BOB.user_id),
        (grant.session_id, "u-nobody"),
        (grant.session_id, ""),
    ):
        assert await stores.revoker.end_session(session_id, user_id, LOGOUT, ORIGIN) == 0
    assert await live_session_ids(stores, ADA.user_id) == {grant.session_id}
    for user_id in (ADA.user_id, BOB.user_id, "u-nobody", ""):
        assert await stores.records.facts(user_id) == set()
    assert await death(stores, access_claims(grant)) is None


async def test_an_expired_session_counts_nothing(stores: Stores) -> None:
    grant = await create(stores)
    await stores.advance(LIFETIMES.refresh + FACT_MARGIN + timedelta(seconds=1))
    assert await end_session(stores, grant) == 0
    assert await stores.records.audit_kinds(ADA.user_id) == ["session.created", "user.created"]
    assert await refresh_death(stores, grant) == Death(InactiveReason.SESSION_EXPIRED, None)


async def test_a_session_that_has_just_expired_dies_uncounted(stores: Stores) -> None:
    # Its last access token may expire with it, and be accepted for the verifiers' leeway still.
    lifetimes = replace(LIFETIMES, access=LIFETIMES.refresh)
    grant = await create(stores, lifetimes=lifetimes)
    await stores.advance(LIFETIMES.refresh + timedelta(seconds=1))
    assert await end_session(stores, grant) == 0
    assert await death(stores, access_claims(grant)) == Death(
        InactiveReason.SESSION_REVOKED, RevocationReason.LOGOUT
    )
    assert await stores.records.audit_kinds(ADA.user_id) == ["session.created", "user.created"]
    assert ("phone", "revoked") not in await stores.records.metrics(ADA.user_id)


async def test_a_users_ended_session_counts_nothing(stores: Stores) -> None:
    grant = await create(stores)
    await end_user_sessions(stores, ADA.user_id)
    assert await end_session(stores, grant) == 0
    assert ("phone", "revoked") not in await stores.records.metrics(ADA.user_id)


async def test_a_kept_session_can_be_ended(stores: Stores) -> None:
    grant = await create(stores)
    await end_user_sessions(stores, ADA.user_id, kept=grant)
    assert await end_session(stores, grant) == 1
    assert await death(stores, access_claims(grant)) == Death(
        InactiveReason.SESSION_REVOKED, LOGOUT
    )


async def test_it_ends_no_other_session(stores: Stores) -> None:
    other = await create(stores)
    await end_session(stores, await create(stores))
    assert await live_session_ids(stores, ADA.user_id) == {other.session_id}
    assert await death(stores, access_claims(other)) is None


async def test_the_fact_outlives_every_access_token_of_the_session(stores: Stores) -> None:
    # The first access token outlives the second: the setting was longer once.
    first = await create(stores, lifetimes=replace(LIFETIMES, access=timedelta(hours=4)))
    second = await rotate(stores, first)
    await end_session(stores, second)
    await stores.advance(timedelta(hours=4, minutes=4))
    assert await death(stores, access_claims(first)) is not None
    await stores.advance(timedelta(minutes=2))
    assert await death(stores, access_claims(first)) is None
