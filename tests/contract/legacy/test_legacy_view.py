"""LegacyView and LegacyRevoker: what is revoked of an old token's user before it was issued, or of
the token itself, kills it; what was revoked before it was issued does not."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from contract.legacy.conftest import LEEWAY, Migrating
from support.asking import ADA, BOB, ORIGIN, access_claims, new_session
from support.steps import create, end_session, set_status

from tokenauthority_server.adapters.legacy.facts import WRITING, DatedFact
from tokenauthority_server.adapters.legacy.view import LegacyView
from tokenauthority_server.domain.errors import StoreUnavailableError
from tokenauthority_server.domain.revocations import (
    Check,
    CheckSource,
    Death,
    RevocationReason,
)
from tokenauthority_server.domain.sessions import Origin
from tokenauthority_server.domain.tokens import Claims, InactiveReason
from tokenauthority_server.domain.users import UserStatus

STRANGER = "u-stranger"
LONG = timedelta(minutes=1)


def by_user(reason: RevocationReason) -> Death:
    return Death(InactiveReason.USER_REVOKED, reason)


@pytest.mark.parametrize("user_id", [ADA.user_id, STRANGER])
async def test_an_old_token_lives_until_all_of_its_user_is_revoked(
    here: Migrating, user_id: str
) -> None:
    # Most users are not in the directory yet: only the platform knows them.
    await create(here.stores)
    token = await here.issued(user_id)
    other = await here.issued(BOB.user_id)
    assert await here.death(token) is None
    ended = await here.end_user(user_id)
    assert ended == (1 if user_id == ADA.user_id else 0)
    assert await here.death(token) == by_user(RevocationReason.LOGOUT_ALL)
    assert await here.death(other) is None


@pytest.mark.parametrize("user_id", [ADA.user_id, STRANGER])
async def test_one_that_is_issued_afterwards_lives(here: Migrating, user_id: str) -> None:
    await create(here.stores)
    before = await here.issued(user_id)
    await here.end_user(user_id)
    await here.stores.advance(LONG)
    before = replace(before, issue_time=before.issue_time - int(LONG.total_seconds()))
    assert await here.death(await here.issued(user_id)) is None
    assert await here.death(before) is not None
    await here.end_user(user_id)
    assert await here.death(await here.issued(user_id)) is not None


async def test_afterwards_is_later_than_clocks_can_be_apart_and_a_revocation_can_wait(
    here: Migrating,
) -> None:
    await here.end_user(STRANGER)
    dated = await here.user_fact(STRANGER)
    last = int((dated.create_time + LEEWAY + WRITING).timestamp())
    assert await here.death(await here.issued(STRANGER, at=last)) is not None
    assert await here.death(await here.issued(STRANGER, at=last + 1)) is None


async def test_what_was_issued_while_a_revocation_waited_is_dead(here: Migrating) -> None:
    # Its fact has the time at which it began, and clocks that agree give no leeway.
    await create(here.stores)
    await here.stores.revoker.end_user_sessions(
        ADA.user_id, "", RevocationReason.LOGOUT_ALL, ORIGIN
    )
    dated = await here.user_fact(ADA.user_id)
    view = LegacyView(here.stores.view, here.facts, leeway=timedelta(0))
    acknowledged = int((dated.create_time + WRITING).timestamp())
    for issue_time, dead in ((acknowledged, True), (acknowledged + 1, False)):
        token = await here.issued(ADA.user_id, at=issue_time)
        assert bool((await view.check([token])).deaths[0]) is dead


async def test_a_role_that_is_lost_kills_what_was_issued_before(here: Migrating) -> None:
    await create(here.stores)
    token = await here.issued(ADA.user_id)
    await create(here.stores, new_session(replace(ADA, roles=ADA.roles[1:])))
    assert await here.death(token) == by_user(RevocationReason.PROFILE_CHANGED)
    await here.stores.advance(LONG)
    assert await here.death(await here.issued(ADA.user_id)) is None


@pytest.mark.parametrize("status", [UserStatus.DISABLED, UserStatus.LOCKED])
async def test_so_does_a_user_who_is_kept_out(here: Migrating, status: UserStatus) -> None:
    await create(here.stores)
    token = await here.issued(ADA.user_id)
    await set_status(here.stores, ADA.user_id, status)
    assert await here.death(token) == by_user(RevocationReason.USER_DISABLED)


async def test_of_a_user_who_is_revoked_and_lost_a_role_the_former_is_told(
    here: Migrating,
) -> None:
    await create(here.stores)
    token = await here.issued(ADA.user_id)
    await here.end_user(ADA.user_id, reason=RevocationReason.ADMIN)
    await create(here.stores, new_session(replace(ADA, roles=())))
    assert await here.death(token) == by_user(RevocationReason.ADMIN)


async def test_the_excepted_session_keeps_its_old_token(here: Migrating) -> None:
    kept = await create(here.stores)
    of_kept = await here.issued(ADA.user_id, session_id=kept.session_id)
    of_another = await here.issued(ADA.user_id, session_id="sess_other")
    of_none = await here.issued(ADA.user_id, session_id="")
    assert of_none.session_id == ""
    await here.end_user(ADA.user_id, kept.session_id)
    assert await here.death(of_kept) is None
    assert await here.death(of_another) is not None
    assert await here.death(of_none) is not None
    await here.end_user(ADA.user_id)
    assert await here.death(of_kept) is not None
    assert await here.death(of_none) is not None


async def test_a_session_that_only_the_platform_knows_is_not_excepted(here: Migrating) -> None:
    # Nobody could tell later whether it had been ended before: another exception would revive it.
    await create(here.stores)
    for user_id in (ADA.user_id, STRANGER):
        token = await here.issued(user_id, session_id="sess_platform")
        await here.end_user(user_id, "sess_platform")
        assert await here.death(token) is not None


@pytest.mark.parametrize("user_id", [ADA.user_id, STRANGER])
async def test_a_token_dies_alone_by_its_id(here: Migrating, user_id: str) -> None:
    await create(here.stores)
    token = await here.issued(user_id)
    other = await here.issued(user_id, jti="another")
    counts = [
        await here.revoker.revoke_token(token, RevocationReason.LOGOUT, ORIGIN) for _ in range(2)
    ]
    assert counts == [1, 0]
    dead = Death(InactiveReason.TOKEN_REVOKED, RevocationReason.LOGOUT)
    assert await here.death(token) == dead
    assert await here.death(other) is None


async def test_a_token_that_is_dead_by_time_can_be_revoked_by_its_id_too(here: Migrating) -> None:
    # No epoch tells that it is dead, so that it counts once more: its fact is what matters.
    token = await here.issued(STRANGER)
    await here.end_user(STRANGER)
    assert await here.revoker.revoke_token(token, RevocationReason.LOGOUT, ORIGIN) == 1
    found = await here.death(token)
    assert found is not None
    assert found.reason is InactiveReason.TOKEN_REVOKED


async def test_it_dies_with_its_session_where_that_is_one_of_ours(here: Migrating) -> None:
    grant = await create(here.stores)
    token = await here.issued(ADA.user_id, session_id=grant.session_id)
    await end_session(here.stores, grant)
    dead = Death(InactiveReason.SESSION_REVOKED, RevocationReason.LOGOUT)
    assert await here.death(token) == dead


async def test_the_key_kills_all_old_tokens_and_none_of_ours(here: Migrating) -> None:
    ours = access_claims(await create(here.stores))
    tokens = [await here.issued(user_id) for user_id in (ADA.user_id, STRANGER)]
    await here.revoke_key()
    dead = Death(InactiveReason.KEY_REVOKED, RevocationReason.KEY_REVOKED)
    assert (await here.view.check([*tokens, ours])).deaths == (dead, dead, None)


async def test_a_fact_outlives_every_token_that_it_kills(here: Migrating) -> None:
    token = await here.issued(STRANGER)
    await here.end_user(STRANGER)
    day = timedelta(hours=24)
    await here.stores.advance(day)
    issued_then = replace(token, issue_time=token.issue_time - int(day.total_seconds()))
    assert await here.death(issued_then) is not None


async def test_our_own_tokens_die_by_epoch_and_not_by_time(here: Migrating) -> None:
    kept = await create(here.stores)
    await here.facts.add(ADA.user_id, RevocationReason.ADMIN, ORIGIN)
    ours = access_claims(kept)
    old = await here.issued(ADA.user_id)
    assert (await here.view.check([ours, old])).deaths == (None, by_user(RevocationReason.ADMIN))
    await here.end_user(ADA.user_id)
    renewed = access_claims(await create(here.stores))
    assert await here.death(renewed) is None
    assert await here.death(ours) is not None


async def test_deaths_come_in_the_order_asked(here: Migrating) -> None:
    ended = await create(here.stores)
    ours_dead = access_claims(ended)
    await end_session(here.stores, ended)
    ours = access_claims(await create(here.stores))
    living, dead = await here.issued(ADA.user_id), await here.issued(STRANGER)
    await here.end_user(STRANGER)
    asked = [living, ours_dead, dead, ours, living, dead]
    check = await here.view.check(asked)
    by_session = Death(InactiveReason.SESSION_REVOKED, RevocationReason.LOGOUT)
    by_time = by_user(RevocationReason.LOGOUT_ALL)
    assert check.source is CheckSource.DATABASE
    assert check.deaths == (None, by_session, by_time, None, None, by_time)


async def test_no_question_has_no_answer(here: Migrating) -> None:
    assert await here.view.check([]) == Check(CheckSource.DATABASE, ())


class Away:
    """Facts that cannot be asked for, and a view that cannot either."""

    async def find(self, claims: Sequence[Claims]) -> Sequence[DatedFact]:
        raise StoreUnavailableError("a store", str(len(claims)))

    async def add(self, user_id: str, reason: RevocationReason, origin: Origin) -> None:
        raise StoreUnavailableError("a store", f"{user_id} {reason} {origin}")

    async def check(self, claims: Sequence[Claims]) -> Check:
        raise StoreUnavailableError("a store", str(len(claims)))

    def check_now(self, claims: Claims) -> Check:
        return Check(CheckSource.LEASED_VIEW, (by_user(RevocationReason(claims.email)),))


async def test_tokens_of_ours_ask_for_nothing_more(here: Migrating) -> None:
    ours = access_claims(await create(here.stores))
    view = LegacyView(here.stores.view, Away(), LEEWAY)
    assert (await view.check([ours] * 3)).deaths == (None,) * 3


async def test_without_an_answer_no_old_token_is_good_or_bad(here: Migrating) -> None:
    ours = access_claims(await create(here.stores))
    old = await here.issued(ADA.user_id)
    view = LegacyView(here.stores.view, Away(), LEEWAY)
    for asked in ([old], [ours, old], [old, ours]):
        with pytest.raises(StoreUnavailableError):
            await view.check(asked)


async def test_one_question_tells_of_all_that_stand_beside_an_old_token(here: Migrating) -> None:
    # Else its number would tell an old token that is dead from one that was refused before.
    ended, living = await create(here.stores), await create(here.stores)
    await end_session(here.stores, ended)
    asked = [access_claims(ended), access_claims(living), await here.issued(ADA.user_id)]
    view = LegacyView(Away(), here.facts, LEEWAY)
    by_session = Death(InactiveReason.SESSION_REVOKED, RevocationReason.LOGOUT)
    assert await view.check(asked) == Check(CheckSource.DATABASE, (by_session, None, None))


async def test_ours_are_judged_at_once_where_that_can_be_and_old_ones_are_not(
    here: Migrating,
) -> None:
    ours = replace(access_claims(await create(here.stores)), email="ADMIN")
    at_once = LegacyView(Away(), here.facts, LEEWAY)
    assert at_once.check_now(ours) == Check(
        CheckSource.LEASED_VIEW, (by_user(RevocationReason.ADMIN),)
    )
    assert at_once.check_now(await here.issued(ADA.user_id)) is None
    assert here.view.check_now(ours) is None


async def test_a_revocation_that_leaves_old_tokens_alive_is_not_acknowledged(
    here: Migrating,
) -> None:
    revoker = replace(here, facts=Away()).revoker
    with pytest.raises(StoreUnavailableError):
        await revoker.end_user_sessions(STRANGER, "", RevocationReason.ADMIN, ORIGIN)


async def test_a_session_is_ended_as_before(here: Migrating) -> None:
    grant = await create(here.stores)
    ended = [
        await here.revoker.end_session(one, None, RevocationReason.ADMIN, ORIGIN)
        for one in (grant.session_id, grant.session_id, "sess_platform")
    ]
    assert ended == [1, 0, 0]
