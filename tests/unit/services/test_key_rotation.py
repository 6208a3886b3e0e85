"""Keys live by themselves: made, rotated and kept ahead of what they sign, and nobody notices."""

from datetime import timedelta

import pytest
from support.asking import ADA, LIFETIMES, ORIGIN, PHONE
from support.use_cases import EVERYTHING, TERMS, Authority, authority

from tokenauthority_server.adapters.memory import MemoryDatabase
from tokenauthority_server.adapters.sealing import EncryptionKeys
from tokenauthority_server.domain.errors import SigningKeyError, StoreUnavailableError
from tokenauthority_server.domain.keys import HORIZON_SLACK, KeyState, SigningKey
from tokenauthority_server.domain.revocations import RevocationReason
from tokenauthority_server.domain.sessions import CreateRequest
from tokenauthority_server.domain.tokens import TokenPair, TokenType

KEYS = EncryptionKeys([bytes(range(32))])
DAY = timedelta(days=1)
ASKED = CreateRequest(user_id=ADA.user_id, profile=ADA, device=PHONE)


async def keys_of(here: Authority, state: KeyState) -> list[SigningKey]:
    return [key for key in await here.keys.list_keys() if key.state is state]


async def active(here: Authority) -> SigningKey:
    (key,) = await keys_of(here, KeyState.ACTIVE)
    return key


async def nearly_due(here: Authority) -> None:
    """Let the time pass, as it does for a process that lives, until an hour before a rotation."""
    left = TERMS.rotate_after - timedelta(hours=1)
    while left:
        step = min(left, timedelta(hours=11))
        here.database.clock.advance(step)
        await here.rotation.tick()
        left -= step


async def is_good(here: Authority, pair: TokenPair) -> bool:
    verdict = await here.validating.validate(pair.access_token, TokenType.ACCESS, EVERYTHING)
    return verdict.reason is None


async def test_the_first_start_makes_a_key_and_its_successor_at_once(here: Authority) -> None:
    (first,) = await keys_of(here, KeyState.ACTIVE)
    (second,) = await keys_of(here, KeyState.PREPARED)
    assert first.create_time == second.create_time
    assert {key.key_id for key in here.ring.public_keys()} == {first.key_id, second.key_id}
    assert here.codec.active_key_id() == first.key_id


async def test_a_second_process_finds_them(here: Authority) -> None:
    other = await authority(here.database, KEYS)
    assert len(await other.keys.list_keys()) == 2
    pair = await here.issuing.create_pair(ASKED, ORIGIN)
    assert await is_good(other, pair)


async def test_nothing_happens_before_its_time(here: Authority) -> None:
    before = await active(here)
    here.database.clock.advance(TERMS.rotate_after - timedelta(seconds=1))
    await here.rotation.tick()
    assert (await active(here)).key_id == before.key_id


async def test_the_successor_signs_when_the_time_has_come_and_another_is_prepared(
    here: Authority,
) -> None:
    (before,) = await keys_of(here, KeyState.ACTIVE)
    (successor,) = await keys_of(here, KeyState.PREPARED)
    here.database.clock.advance(TERMS.rotate_after)
    await here.rotation.tick()
    assert (await active(here)).key_id == successor.key_id == here.codec.active_key_id()
    assert [key.key_id for key in await keys_of(here, KeyState.RETIRED)] == [before.key_id]
    await here.rotation.tick()
    (next_one,) = await keys_of(here, KeyState.PREPARED)
    assert next_one.key_id not in {before.key_id, successor.key_id}


async def test_tokens_from_before_and_after_are_good_everywhere(here: Authority) -> None:
    await nearly_due(here)
    other = await authority(here.database, KEYS)
    before_key = here.codec.active_key_id()
    here.database.clock.advance(timedelta(minutes=50))
    before = await here.issuing.create_pair(ASKED, ORIGIN)
    here.database.clock.advance(timedelta(minutes=10))
    await here.rotation.tick()
    assert here.codec.active_key_id() != before_key
    after = await here.issuing.create_pair(ASKED, ORIGIN)
    # The other process has not heard of the rotation, nor of the next successor.
    assert await is_good(other, before)
    assert await is_good(other, after)
    refreshed = await other.refreshing.refresh(before.refresh_token, PHONE, ORIGIN)
    assert await is_good(here, refreshed.pair)


async def test_a_replay_is_signed_as_it_was_first_also_after_a_rotation(here: Authority) -> None:
    await nearly_due(here)
    here.database.clock.advance(timedelta(hours=1) - LIFETIMES.grace / 2)
    pair = await here.issuing.create_pair(ASKED, ORIGIN)
    first = await here.refreshing.refresh(pair.refresh_token, PHONE, ORIGIN)
    here.database.clock.advance(LIFETIMES.grace / 2)
    await here.rotation.tick()
    assert here.codec.active_key_id() != here.codec.verify(first.pair.access_token).key_id
    again = await here.refreshing.refresh(pair.refresh_token, PHONE, ORIGIN)
    assert again.replayed
    one, other = (here.codec.verify(each.pair.access_token) for each in (first, again))
    assert one == other


async def test_what_a_key_that_is_unknown_here_signed_is_refreshed_and_revoked(
    here: Authority,
) -> None:
    # Guard: without asking for the key, the refresh was REFRESH_TOKEN_INVALID: a lost user.
    for change in ("refresh", "revoke"):
        other = await authority(here.database, KEYS)
        await become_unknown(here, other)
        pair = await here.issuing.create_pair(ASKED, ORIGIN)
        if change == "refresh":
            refreshed = await other.refreshing.refresh(pair.refresh_token, PHONE, ORIGIN)
            assert await is_good(here, refreshed.pair)
        else:
            done = await other.revoking.revoke_token(
                pair.access_token, RevocationReason.LOGOUT, ORIGIN
            )
            assert (done.tokens, done.effective_everywhere) == (1, True)


async def become_unknown(here: Authority, other: Authority) -> None:
    """Let a key sign here that the other process has never heard of."""
    while here.codec.active_key_id() in other.ring.current().keys:
        here.database.clock.advance(timedelta(minutes=15))
        await here.keys.activate("", ORIGIN)
        await here.rotation.tick()


async def test_a_replay_of_another_process_is_signed_with_a_key_that_was_unknown_here(
    here: Authority,
) -> None:
    # Guard: without asking for the grant's key, this was UNAVAILABLE.
    other = await authority(here.database, KEYS)
    pair = await here.issuing.create_pair(ASKED, ORIGIN)
    await become_unknown(here, other)
    first = await here.refreshing.refresh(pair.refresh_token, PHONE, ORIGIN)
    again = await other.refreshing.refresh(pair.refresh_token, PHONE, ORIGIN)
    assert again.replayed
    assert here.codec.verify(again.pair.refresh_token) == here.codec.verify(
        first.pair.refresh_token
    )


async def test_a_key_may_sign_for_longer_than_any_token_lives_at_all_times(
    here: Authority,
) -> None:
    # Guard: without moving the horizon on, pairs could not be signed after a day.
    for _ in range(60):
        here.database.clock.advance(timedelta(hours=11))
        await here.rotation.tick()
        now = here.database.clock.now()
        for key in [await active(here), *await keys_of(here, KeyState.PREPARED)]:
            assert key.last_expire_time - now > LIFETIMES.refresh
        assert await is_good(here, await here.issuing.create_pair(ASKED, ORIGIN))


async def test_a_replay_is_signed_where_the_horizon_is_known_as_it_was(here: Authority) -> None:
    # Guard: without asking for the keys again, this was UNAVAILABLE until the next tick.
    other = await authority(here.database, KEYS)
    here.database.clock.advance(HORIZON_SLACK + timedelta(hours=1))
    await here.rotation.tick()
    pair = await here.issuing.create_pair(ASKED, ORIGIN)
    await here.refreshing.refresh(pair.refresh_token, PHONE, ORIGIN)
    assert (await other.refreshing.refresh(pair.refresh_token, PHONE, ORIGIN)).replayed


async def test_nothing_is_signed_beyond_the_horizon(here: Authority) -> None:
    # A process that slept for days, and did not hear that its key was retired.
    here.database.clock.advance(TERMS.horizon)
    with pytest.raises(StoreUnavailableError):
        await here.issuing.create_pair(ASKED, ORIGIN)
    await here.rotation.tick()
    assert await is_good(here, await here.issuing.create_pair(ASKED, ORIGIN))


async def test_another_algorithm_signs_when_its_key_is_known_everywhere(here: Authority) -> None:
    # Guard: with the new key active at once, the other processes had not heard of it.
    former = await active(here)
    here.database.clock.advance(timedelta(seconds=1))
    changed = await authority(here.database, KEYS, "EdDSA")
    assert changed.codec.active_key_id() == former.key_id
    assert await is_good(here, await changed.issuing.create_pair(ASKED, ORIGIN))
    here.database.clock.advance(TERMS.published_for)
    await changed.rotation.tick()
    pair = await changed.issuing.create_pair(ASKED, ORIGIN)
    signer = changed.ring.current().signer()
    assert signer.verifying.algorithm.name == "EdDSA"
    assert await is_good(here, pair)
    # The former algorithm's key is nobody's to retire by itself.
    assert {key.algorithm for key in await keys_of(here, KeyState.ACTIVE)} == {"ES256", "EdDSA"}


async def test_no_key_is_made_beside_one_that_cannot_be_opened(here: Authority) -> None:
    with pytest.raises(SigningKeyError):
        await authority(here.database, EncryptionKeys([bytes(range(1, 33))]))
    assert len(await here.keys.list_keys()) == 2


async def test_nothing_is_made_where_the_configuration_brings_the_keys() -> None:
    database = MemoryDatabase()
    with pytest.raises(StoreUnavailableError):
        (await authority(database, KEYS, None)).codec.active_key_id()
    assert database.signing_keys == {}
