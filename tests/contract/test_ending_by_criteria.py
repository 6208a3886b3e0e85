"""SessionEnder: sessions are gone through, a stretch at a time, and those that are meant end."""

from dataclasses import replace
from datetime import timedelta

import pytest
from support.asking import (
    ADA,
    BOB,
    LAPTOP,
    LIFETIMES,
    ORIGIN,
    PHONE,
    access_claims,
    new_session,
    rotation_of,
)
from support.steps import (
    create,
    death,
    end_session,
    end_user_sessions,
    live_session_ids,
    refresh_death,
    revoke_key,
    rotate,
)
from support.stores import Stores

from tokenauthority_server.domain.errors import SessionEndedError
from tokenauthority_server.domain.revocations import Death, Fact, FactKind, RevocationReason
from tokenauthority_server.domain.session_criteria import SessionCriteria, SessionKey, Span
from tokenauthority_server.domain.sessions import Device, Grant
from tokenauthority_server.domain.tokens import InactiveReason

ADMIN = RevocationReason.ADMIN
DEAD = Death(InactiveReason.SESSION_REVOKED, ADMIN)
SIX = Device(device_id="six", user_agent="app/2 (IPv6)", ip_address="2001:db8::1")
BARE = Device()
DEVICES = {"phone": PHONE, "laptop": LAPTOP, "six": SIX, "bare": BARE}


async def end(
    stores: Stores, criteria: SessionCriteria, length: int = 1_000, most: int = 1_000
) -> tuple[int, int]:
    """Go through all of them; return how many were matched and ended."""
    matched = ended = 0
    after: SessionKey | None = None
    while True:
        stretch = await stores.ender.end_stretch(
            criteria, Span(length=length, most=most, after=after), ADMIN, ORIGIN
        )
        matched, ended, after = matched + stretch.matched, ended + stretch.ended, stretch.end
        if after is None:
            return matched, ended


async def count(stores: Stores, criteria: SessionCriteria, length: int = 1_000) -> int:
    matched = 0
    after: SessionKey | None = None
    while True:
        stretch = await stores.ender.count_stretch(
            criteria, Span(length=length, most=length, after=after)
        )
        assert stretch.ended == 0
        matched, after = matched + stretch.matched, stretch.end
        if after is None:
            return matched


async def one_of_each(stores: Stores) -> dict[str, Grant]:
    return {
        name: await create(stores, new_session(device=device)) for name, device in DEVICES.items()
    }


@pytest.mark.parametrize(
    ("criteria", "met"),
    [
        (SessionCriteria(user_id=ADA.user_id), {"phone", "laptop", "six", "bare"}),
        (SessionCriteria(user_id="u-ad"), set()),
        (SessionCriteria(user_id="u-nobody"), set()),
        (SessionCriteria(device_id="laptop"), {"laptop"}),
        (SessionCriteria(device_id="lap"), set()),
        (SessionCriteria(user_agent="app/"), {"phone", "six"}),
        (SessionCriteria(user_agent="App/"), set()),
        (SessionCriteria(user_agent="%"), set()),
        (SessionCriteria(user_agent="(IPv6)"), {"six"}),
        (SessionCriteria(ip_range="192.0.2.0/24"), {"phone", "laptop"}),
        (SessionCriteria(ip_range="192.0.2.1/32"), {"phone"}),
        (SessionCriteria(ip_range="192.0.2.0/31"), {"phone"}),
        (SessionCriteria(ip_range="0.0.0.0/0"), {"phone", "laptop"}),
        (SessionCriteria(ip_range="::/0"), {"six"}),
        (SessionCriteria(ip_range="2001:db8::/32"), {"six"}),
        (SessionCriteria(ip_range="198.51.100.0/24"), set()),
        (SessionCriteria(key_id="key-1"), {"phone", "laptop", "six", "bare"}),
        (SessionCriteria(key_id="key-2"), set()),
        (SessionCriteria(device_id="phone", ip_range="192.0.2.0/24"), {"phone"}),
        (SessionCriteria(device_id="phone", ip_range="::/0"), set()),
        (SessionCriteria(user_id=BOB.user_id, device_id="phone"), set()),
    ],
)
async def test_all_that_is_set_must_be_met(
    stores: Stores, criteria: SessionCriteria, met: set[str]
) -> None:
    grants = await one_of_each(stores)
    assert await count(stores, criteria) == len(met)
    assert await end(stores, criteria) == (len(met), len(met))
    left = {grants[name].session_id for name in DEVICES.keys() - met}
    assert await live_session_ids(stores, ADA.user_id) == left
    assert await count(stores, criteria) == 0
    assert await end(stores, criteria) == (0, 0)


async def test_those_opened_before(stores: Stores) -> None:
    old = await create(stores)
    await stores.advance(timedelta(minutes=2))
    between = await stores.records.now() - timedelta(minutes=1)
    new = await create(stores)
    assert await end(stores, SessionCriteria(create_time_before=between)) == (1, 1)
    assert await refresh_death(stores, old) == DEAD
    assert await live_session_ids(stores, ADA.user_id) == {new.session_id}


async def test_an_end_is_an_end_like_any_other(stores: Stores) -> None:
    grants = [await create(stores), await create(stores, new_session(device=LAPTOP))]
    assert await end(stores, SessionCriteria(user_id=ADA.user_id)) == (2, 2)
    for grant in grants:
        assert await death(stores, access_claims(grant)) == DEAD
        assert await refresh_death(stores, grant) == DEAD
        with pytest.raises(SessionEndedError):
            await rotate(stores, grant)
    assert await stores.records.facts(ADA.user_id) == {
        Fact(kind=FactKind.SESSION, user_id=ADA.user_id, target=one.session_id, reason=ADMIN)
        for one in grants
    }
    assert await stores.records.metrics(ADA.user_id) == {
        ("phone", "created"): 1,
        ("laptop", "created"): 1,
        ("phone", "revoked"): 1,
        ("laptop", "revoked"): 1,
    }
    kinds = ["session.created", "session.created", "session.revoked", "session.revoked"]
    assert await stores.records.audit_kinds(ADA.user_id) == [*kinds, "user.created"]


async def test_the_key_and_the_address_are_those_of_the_last_refresh(stores: Stores) -> None:
    grant = await create(stores)
    await stores.sessions.rotate(
        replace(
            rotation_of(grant), key_id="key-2", device=replace(PHONE, ip_address="203.0.113.9")
        ),
        LIFETIMES,
        ORIGIN,
    )
    assert await count(stores, SessionCriteria(key_id="key-1")) == 0
    assert await count(stores, SessionCriteria(ip_range="192.0.2.0/24")) == 0
    both = SessionCriteria(key_id="key-2", ip_range="203.0.113.0/24")
    assert await end(stores, both) == (1, 1)


@pytest.mark.parametrize("most", [1, 3, 100])
@pytest.mark.parametrize("length", [1, 2, 3, 7, 8, 9])
async def test_no_stretch_misses_one_or_takes_one_twice(
    stores: Stores, length: int, most: int
) -> None:
    users = [replace(BOB, user_id=f"u-{number}", username=f"n-{number}") for number in range(4)]
    for user in users:
        for device in (PHONE, LAPTOP):
            await create(stores, new_session(user, device=device))
    assert await count(stores, SessionCriteria(key_id="key-1"), length) == 8
    assert await count(stores, SessionCriteria(user_id="u-2"), length) == 2
    assert await end(stores, SessionCriteria(user_id="u-2"), length, most) == (2, 2)
    assert await end(stores, SessionCriteria(device_id="phone"), length, most) == (3, 3)
    assert await end(stores, SessionCriteria(key_id="key-1"), length, most) == (3, 3)


async def test_a_stretch_ends_where_there_are_enough(stores: Stores) -> None:
    for _ in range(5):
        await create(stores)
    of_phones, span = SessionCriteria(device_id="phone"), Span(length=1_000, most=3)
    first = await stores.ender.end_stretch(of_phones, span, ADMIN, ORIGIN)
    assert (first.matched, first.ended) == (3, 3)
    assert len(await live_session_ids(stores, ADA.user_id)) == 2
    span = replace(span, after=first.end)
    rest = await stores.ender.end_stretch(of_phones, span, ADMIN, ORIGIN)
    assert (rest.matched, rest.ended, rest.end) == (2, 2, None)


async def test_what_is_dead_is_not_counted(stores: Stores) -> None:
    everything = SessionCriteria(user_agent="app/")
    await create(stores, lifetimes=replace(LIFETIMES, refresh=timedelta(minutes=1)))
    await end_session(stores, await create(stores))
    await stores.advance(timedelta(minutes=2))
    await create(stores, new_session(BOB))
    await end_user_sessions(stores, BOB.user_id)
    on_a_revoked_key = await create(stores, new_session(key_id="key-9"))
    await revoke_key(stores, "key-9")
    live = await create(stores)
    assert await count(stores, everything) == 1
    assert await end(stores, everything) == (1, 1)
    assert await refresh_death(stores, live) == DEAD
    assert await refresh_death(stores, on_a_revoked_key) is not None
    assert (await stores.records.metrics(ADA.user_id))["phone", "revoked"] == 2
    kinds = await stores.records.audit_kinds(ADA.user_id)
    assert kinds.count("session.revoked") == 2


async def test_one_that_has_just_expired_gets_its_fact(stores: Stores) -> None:
    # A verifier may accept its access token for its leeway.
    minute = timedelta(minutes=1)
    grant = await create(stores, lifetimes=replace(LIFETIMES, access=minute, refresh=minute))
    await stores.advance(minute + timedelta(seconds=1))
    assert await end(stores, SessionCriteria(user_id=ADA.user_id)) == (0, 0)
    assert await death(stores, access_claims(grant)) == DEAD


async def test_a_kept_session_is_live_and_can_be_ended(stores: Stores) -> None:
    kept = await create(stores)
    await end_user_sessions(stores, ADA.user_id, kept)
    assert await end(stores, SessionCriteria(user_id=ADA.user_id)) == (1, 1)
    assert await death(stores, access_claims(kept)) == DEAD


async def test_all_that_was_to_end_is_named(stores: Stores) -> None:
    # What has just expired, or hangs on a revoked key, counts no more, and may be accepted yet.
    minute = timedelta(minutes=1)
    short = replace(LIFETIMES, access=minute, refresh=minute)
    expired = await create(stores, lifetimes=short)
    await stores.advance(minute + timedelta(seconds=1))
    on_a_revoked_key = await create(stores, new_session(key_id="key-9"))
    await revoke_key(stores, "key-9")
    await end_session(stores, await create(stores))
    live = await create(stores, new_session(BOB))
    span = Span(length=1_000, most=1_000)
    of_phones = SessionCriteria(device_id="phone")
    assert (await stores.ender.count_stretch(of_phones, span)).dead == ()
    stretch = await stores.ender.end_stretch(of_phones, span, ADMIN, ORIGIN)
    assert stretch.ended == 1
    grants = (expired, on_a_revoked_key, live)
    assert {(one.user_id, one.session_id) for one in stretch.dead} == {
        (one.profile.user_id, one.session_id) for one in grants
    }
    assert (await stores.ender.end_stretch(of_phones, span, ADMIN, ORIGIN)).dead == ()
