"""SessionRevoker.end_user_sessions: everything that a user holds, or all but one session."""

from dataclasses import replace
from datetime import timedelta

import pytest
from support.asking import ADA, BOB, LAPTOP, LIFETIMES, access_claims, new_session
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
from tokenauthority_server.domain.revocations import Death, Fact, FactKind, RevocationReason
from tokenauthority_server.domain.sessions import Grant
from tokenauthority_server.domain.tokens import InactiveReason

DEAD = Death(InactiveReason.USER_REVOKED, RevocationReason.LOGOUT_ALL)


def user_fact(
    epoch: int, kept: Grant | None = None, reason: RevocationReason = RevocationReason.LOGOUT_ALL
) -> Fact:
    return Fact(
        kind=FactKind.USER,
        user_id=ADA.user_id,
        target="",
        reason=reason,
        epoch=epoch,
        except_session_id=kept.session_id if kept is not None else "",
    )


async def test_all_sessions_end_with_every_token(stores: Stores) -> None:
    grants = [await create(stores), await create(stores, new_session(device=LAPTOP))]
    grants.append(await rotate(stores, grants[0]))
    assert await end_user_sessions(stores, ADA.user_id) == 2
    assert await live_session_ids(stores, ADA.user_id) == set()
    assert [await death(stores, access_claims(grant)) for grant in grants] == [DEAD] * 3
    assert [await refresh_death(stores, grant) for grant in grants[1:]] == [DEAD] * 2
    for grant in grants:
        with pytest.raises(SessionEndedError):
            await rotate(stores, grant)


async def test_the_same_few_rows_are_written_for_many_sessions(stores: Stores) -> None:
    epoch = max([(await create(stores)).epoch for _ in range(12)])
    assert await end_user_sessions(stores, ADA.user_id) == 12
    assert await stores.records.facts(ADA.user_id) == {user_fact(epoch + 1)}
    assert await stores.records.metrics(ADA.user_id) == {
        ("phone", "created"): 12,
        ("", "bulk_revoked"): 12,
    }
    kinds = await stores.records.audit_kinds(ADA.user_id)
    assert kinds == ["session.created"] * 12 + ["user.created", "user.sessions_revoked"]


async def test_only_live_sessions_are_counted(stores: Stores) -> None:
    await create(stores, lifetimes=replace(LIFETIMES, refresh=timedelta(minutes=1)))
    await end_session(stores, await create(stores))
    await create(stores)
    await stores.advance(timedelta(minutes=2))
    assert await end_user_sessions(stores, ADA.user_id) == 1
    assert (await stores.records.metrics(ADA.user_id))["", "bulk_revoked"] == 1


async def test_with_no_session_the_epoch_rises_all_the_same(stores: Stores) -> None:
    grant = await create(stores)
    await end_session(stores, grant)
    assert await end_user_sessions(stores, ADA.user_id) == 0
    assert user_fact(grant.epoch + 1) in await stores.records.facts(ADA.user_id)
    assert ("", "bulk_revoked") not in await stores.records.metrics(ADA.user_id)
    assert "user.sessions_revoked" in await stores.records.audit_kinds(ADA.user_id)
    assert (await create(stores)).epoch == grant.epoch + 1


async def test_of_an_unknown_user_nothing_is_written(stores: Stores) -> None:
    assert await end_user_sessions(stores, "u-nobody") == 0
    assert await stores.records.facts("u-nobody") == set()
    assert await stores.records.metrics("u-nobody") == {}
    assert await stores.records.audit_kinds("u-nobody") == []


async def test_what_comes_later_lives(stores: Stores) -> None:
    first = await create(stores)
    await end_user_sessions(stores, ADA.user_id)
    later = await create(stores)
    assert later.epoch == first.epoch + 1
    assert await live_session_ids(stores, ADA.user_id) == {later.session_id}
    assert await death(stores, access_claims(later)) is None
    assert (await rotate(stores, later)).generation == 1


async def test_others_keep_theirs(stores: Stores) -> None:
    await create(stores)
    bob = await create(stores, new_session(BOB))
    await end_user_sessions(stores, ADA.user_id)
    assert await live_session_ids(stores, BOB.user_id) == {bob.session_id}
    assert await death(stores, access_claims(bob)) is None


async def test_the_kept_session_survives_with_its_tokens(stores: Stores) -> None:
    kept = await create(stores)
    others = [await create(stores) for _ in range(2)]
    refreshed = await rotate(stores, kept)
    assert await end_user_sessions(stores, ADA.user_id, kept=kept) == 2
    assert await live_session_ids(stores, ADA.user_id) == {kept.session_id}
    assert await stores.records.facts(ADA.user_id) == {user_fact(kept.epoch + 1, kept)}
    assert [await death(stores, access_claims(one)) for one in others] == [DEAD] * 2
    for grant in (kept, refreshed):
        assert await death(stores, access_claims(grant)) is None
    assert (await rotate(stores, kept)).replayed
    assert (await rotate(stores, refreshed)).generation == 2


async def test_the_kept_session_alone_ends_nothing(stores: Stores) -> None:
    kept = await create(stores)
    assert await end_user_sessions(stores, ADA.user_id, kept=kept) == 0
    assert ("", "bulk_revoked") not in await stores.records.metrics(ADA.user_id)
    assert await live_session_ids(stores, ADA.user_id) == {kept.session_id}


async def test_a_kept_session_dies_the_next_time(stores: Stores) -> None:
    kept = await create(stores)
    await end_user_sessions(stores, ADA.user_id, kept=kept)
    refreshed = await rotate(stores, kept)
    assert await end_user_sessions(stores, ADA.user_id) == 1
    assert await stores.records.facts(ADA.user_id) == {user_fact(kept.epoch + 2)}
    assert await death(stores, access_claims(kept)) == DEAD
    assert await death(stores, access_claims(refreshed)) == DEAD


async def test_the_exceptions_of_several_times(stores: Stores) -> None:
    first = await create(stores)
    await end_user_sessions(stores, ADA.user_id, kept=first)
    second = await create(stores)
    assert await end_user_sessions(stores, ADA.user_id, kept=second) == 1
    assert await stores.records.facts(ADA.user_id) == {user_fact(first.epoch + 2, second)}
    assert await death(stores, access_claims(first)) == DEAD
    assert await death(stores, access_claims(second)) is None
    assert await end_user_sessions(stores, ADA.user_id, kept=second) == 0
    assert await death(stores, access_claims(second)) is None
    assert (await rotate(stores, second)).generation == 1


@pytest.mark.parametrize("how", ["ended", "revoked with the user", "expired", "another's"])
async def test_a_session_that_was_not_live_is_not_kept(stores: Stores, how: str) -> None:
    owner = BOB if how == "another's" else ADA
    short = replace(LIFETIMES, access=timedelta(hours=1), refresh=timedelta(minutes=1))
    dead = await create(stores, new_session(owner), short)
    await create(stores)
    match how:
        case "ended":
            await end_session(stores, dead)
        case "revoked with the user":
            await end_user_sessions(stores, ADA.user_id)
            await create(stores)
        case "expired":
            await stores.advance(timedelta(minutes=2))
    epoch = (await create(stores)).epoch
    assert await end_user_sessions(stores, ADA.user_id, kept=dead) == 2
    assert user_fact(epoch + 1) in await stores.records.facts(ADA.user_id)
    assert await live_session_ids(stores, ADA.user_id) == set()
    if owner is ADA:
        assert await death(stores, access_claims(dead)) is not None
        with pytest.raises(SessionEndedError):
            await rotate(stores, dead)
    else:
        assert (await rotate(stores, dead)).generation == 1


async def test_the_last_reason_is_told(stores: Stores) -> None:
    grant = await create(stores)
    await end_user_sessions(stores, ADA.user_id)
    await end_user_sessions(stores, ADA.user_id, reason=RevocationReason.ADMIN)
    expected = {user_fact(grant.epoch + 2, reason=RevocationReason.ADMIN)}
    assert await stores.records.facts(ADA.user_id) == expected


async def test_the_fact_outlives_every_access_token(stores: Stores) -> None:
    grant = await create(stores, lifetimes=replace(LIFETIMES, access=timedelta(hours=24)))
    await end_user_sessions(stores, ADA.user_id)
    await stores.advance(timedelta(hours=24))
    assert await death(stores, access_claims(grant)) == DEAD
    await stores.advance(timedelta(minutes=6))
    assert await death(stores, access_claims(grant)) is None
