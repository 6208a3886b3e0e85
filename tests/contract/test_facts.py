"""FactStore: the facts that stand somewhere, all of them, and exactly those that are new."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from support.asking import ADA, BOB, LIFETIMES, access_claims, new_session
from support.steps import create, end_session, end_user_sessions, revoke_key, revoke_token
from support.stores import Stores

from tokenauthority_server.domain.revocation_ports import Mark
from tokenauthority_server.domain.revocations import (
    FACT_MARGIN,
    About,
    FactKey,
    FactKind,
    LiveFact,
    about_key,
    about_token,
    about_user,
)
from tokenauthority_server.domain.sessions import Grant

NO_RIGHTS = replace(ADA, roles=(), permissions=())
OF_ADA: FactKey = (ADA.user_id, FactKind.USER, "")
PROFILE_OF_ADA: FactKey = (ADA.user_id, FactKind.PROFILE, "")
MANY = 1_000


def about_sessions(sessions: Iterable[tuple[str, str]]) -> About:
    return About(keys=frozenset((user, FactKind.SESSION, one) for user, one in sessions))


def keys(facts: Sequence[LiveFact]) -> list[FactKey]:
    return sorted(one.fact.key for one in facts)


def of_session(grant: Grant) -> FactKey:
    return grant.profile.user_id, FactKind.SESSION, grant.session_id


async def mark_of(stores: Stores) -> Mark:
    return (await stores.facts.page(1, None)).mark


async def since(stores: Stores, mark: Mark) -> tuple[list[FactKey], Mark]:
    found = await stores.facts.since(mark)
    assert found is not None
    return keys(found.facts), found.mark


async def everything(stores: Stores) -> list[Grant]:
    """One fact of each kind, and a session of Ada's that is named by one of them."""
    ended, killed = await create(stores), await create(stores)
    await end_session(stores, ended)
    await revoke_token(stores, access_claims(killed))
    await create(stores, new_session(NO_RIGHTS))
    await end_user_sessions(stores, ADA.user_id)
    await revoke_key(stores, "key-1")
    return [ended, killed]


async def test_facts_stand_at_their_keys(stores: Stores) -> None:
    ended, killed = await everything(stores)
    of_user = [PROFILE_OF_ADA, OF_ADA]
    of_key: FactKey = ("", FactKind.KEY, "key-1")
    of_token: FactKey = (ADA.user_id, FactKind.TOKEN, access_claims(killed).token_id)
    for about, found in (
        (about_user(ADA.user_id), of_user),
        (about_key("key-1"), [of_key]),
        (about_token(access_claims(killed)), [of_key, of_token, *of_user]),
        (about_sessions([(ADA.user_id, ended.session_id)]), [of_session(ended)]),
        (About(), []),
        (about_user(BOB.user_id), []),
        (about_key("key-2"), []),
        (about_sessions([(BOB.user_id, ended.session_id)]), []),
    ):
        assert keys(await stores.facts.about(about)) == sorted(found)


async def test_about_a_session_is_all_that_kills_it(stores: Stores) -> None:
    ended, killed = await everything(stores)
    other = await create(stores, new_session(BOB, key_id="key-2"))
    of_all = [("", FactKind.KEY, "key-1"), PROFILE_OF_ADA, OF_ADA]
    for asked, found in (
        ((ended.session_id,), [*of_all, of_session(ended)]),
        ((killed.session_id,), of_all),
        ((killed.session_id, ended.session_id), [*of_all, of_session(ended)]),
        ((other.session_id, "sess_unknown"), []),
    ):
        about = About(sessions=asked)
        assert keys(await stores.facts.about(about)) == sorted(found)
    both = About(keys=frozenset({of_session(ended)}), sessions=(ended.session_id,))
    assert keys(await stores.facts.about(both)) == sorted([*of_all, of_session(ended)])


async def test_what_a_fact_says_comes_along(stores: Stores) -> None:
    await everything(stores)
    kept = await create(stores, new_session(NO_RIGHTS, key_id="key-2"))
    await end_user_sessions(stores, ADA.user_id, kept)
    found = {one.fact for one in await stores.facts.about(about_user(ADA.user_id))}
    assert found <= await stores.records.facts(ADA.user_id)
    of_user = next(one for one in found if one.kind is FactKind.USER)
    assert (of_user.epoch, of_user.except_session_id) == (2, kept.session_id)


async def test_many_are_one_question(stores: Stores) -> None:
    grant = await create(stores)
    await end_session(stores, grant)
    asked = [(f"u-{number}", "sess") for number in range(MANY)]
    about = about_sessions([*asked, (ADA.user_id, grant.session_id)])
    assert keys(await stores.facts.about(about)) == [of_session(grant)]


async def test_it_matters_for_as_long_as_it_remains(stores: Stores) -> None:
    grant = await create(stores)
    earliest = await stores.records.now()
    await end_session(stores, grant)
    for facts in (
        await stores.facts.about(about_sessions([(ADA.user_id, grant.session_id)])),
        (await stores.facts.page(10, None)).facts,
    ):
        (one,) = facts
        assert one.expire_time == grant.access_expire_time + FACT_MARGIN
        assert earliest <= one.expire_time - one.remaining <= await stores.records.now()


@pytest.mark.parametrize("size", [1, 2, 3, 5, 6])
async def test_pages_hold_every_fact_once_and_in_order(stores: Stores, size: int) -> None:
    await everything(stores)
    found: list[FactKey] = []
    for _ in range(10):
        facts = (await stores.facts.page(size, found[-1] if found else None)).facts
        found += [one.fact.key for one in facts]
        if len(facts) < size:
            break
    assert len(found) == 5
    assert found == sorted(set(found))


async def test_a_page_of_nothing_has_a_mark(stores: Stores) -> None:
    page = await stores.facts.page(10, None)
    assert page.facts == []
    assert await since(stores, page.mark) == ([], page.mark)


async def test_what_is_new_is_what_came_after_the_mark(stores: Stores) -> None:
    first, second, third = [await create(stores) for _ in range(3)]
    await end_session(stores, first)
    before = await mark_of(stores)
    assert (await since(stores, before))[0] == []
    await end_session(stores, second)
    found, between = await since(stores, before)
    assert found == [of_session(second)]
    await end_session(stores, third)
    assert (await since(stores, between))[0] == [of_session(third)]
    # A mark is good for as long as it is kept.
    found, now = await since(stores, before)
    assert found == sorted([of_session(second), of_session(third)])
    assert (await since(stores, now))[0] == []


async def test_the_mark_of_a_page_is_not_later_than_what_it_holds(stores: Stores) -> None:
    grants = [await create(stores) for _ in range(2)]
    await end_session(stores, grants[0])
    mark = await mark_of(stores)
    await end_session(stores, grants[1])
    last = (await stores.facts.page(10, None)).mark
    assert (await since(stores, mark))[0] == [of_session(grants[1])]
    assert (await since(stores, last))[0] == []


async def test_a_raised_epoch_is_new_and_what_changed_nothing_is_not(stores: Stores) -> None:
    grant = await create(stores)
    await end_user_sessions(stores, ADA.user_id)
    await end_session(stores, await create(stores))
    mark = await mark_of(stores)
    await end_session(stores, grant)
    assert (await since(stores, mark))[0] == []
    await end_user_sessions(stores, ADA.user_id)
    found = await stores.facts.since(mark)
    assert found is not None
    assert [(one.fact.key, one.fact.epoch) for one in found.facts] == [(OF_ADA, 2)]


async def test_what_matters_no_more_is_not_told(stores: Stores) -> None:
    grant = await create(stores)
    mark = await mark_of(stores)
    await end_session(stores, grant)
    about = About(sessions=(grant.session_id,))
    for lived, found in (
        (LIFETIMES.access, [of_session(grant)]),
        (FACT_MARGIN + timedelta(seconds=1), []),
    ):
        await stores.advance(lived)
        assert keys(await stores.facts.about(about)) == found
        assert keys((await stores.facts.page(10, None)).facts) == found
        assert (await since(stores, mark))[0] == found
