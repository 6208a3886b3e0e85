"""The ring follows the store: at once, in order, and without a flood of questions."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from support.waiting import until

from tokenauthority_server.adapters.jwt.keyring import KeyRing
from tokenauthority_server.adapters.sealing import EncryptionKeys
from tokenauthority_server.adapters.signing_keys.following import KeyFollower
from tokenauthority_server.adapters.signing_keys.material import SealedKeys
from tokenauthority_server.domain.errors import SigningKeyError, StoreUnavailableError
from tokenauthority_server.domain.keys import KeyState, SigningKey, StoredKey, StoredKeys

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SEALED = SealedKeys(EncryptionKeys([bytes(range(32))]))
STRANGERS = SealedKeys(EncryptionKeys([bytes(range(1, 33))]))


async def made(state: KeyState = KeyState.ACTIVE, by: SealedKeys = SEALED) -> StoredKey:
    material = await by.make("ES256")
    return StoredKey(
        key=SigningKey(
            key_id=material.key_id,
            algorithm="ES256",
            state=state,
            create_time=NOW,
            last_expire_time=NOW + timedelta(days=8),
        ),
        material=material,
    )


class Store:
    """A store of keys that counts the questions, and answers when it is let."""

    def __init__(self, *keys: StoredKey) -> None:
        self.keys: Sequence[StoredKey] = keys
        self.revoked: frozenset[str] = frozenset()
        self.questions = 0
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.away = False

    async def load(self) -> StoredKeys:
        self.questions += 1
        found = StoredKeys(keys=tuple(self.keys), revoked_key_ids=self.revoked, now=NOW)
        await self.may_answer.wait()
        if self.away:
            raise StoreUnavailableError("PostgreSQL")
        return found


def following(store: Store) -> tuple[KeyRing, KeyFollower]:
    ring = KeyRing("ES256")
    return ring, KeyFollower(ring, store, SEALED)


async def test_what_the_store_holds_is_known_afterwards() -> None:
    one, other = await made(), await made(KeyState.PREPARED)
    store = Store(one)
    ring, follower = following(store)
    await follower.follow()
    assert ring.current().keys.keys() == {one.key.key_id}
    store.keys = (one, other)
    await follower.catch_up()
    assert ring.current().keys.keys() == {one.key.key_id, other.key.key_id}


async def test_a_key_is_revoked_by_its_fact_alone() -> None:
    one = await made()
    store = Store(one)
    store.revoked = frozenset({one.key.key_id})
    ring, follower = following(store)
    await follower.follow()
    assert ring.current().keys[one.key.key_id].state is KeyState.REVOKED
    assert ring.current().active is None


async def test_of_a_key_that_a_setting_brings_too_the_store_knows_more() -> None:
    # Guard: with both, two keys had one id, and none was followed any more.
    one = await made(KeyState.RETIRED)
    ring = KeyRing("ES256")
    configured = (SEALED.open(replace(one, key=replace(one.key, state=KeyState.ACTIVE))),)
    await KeyFollower(ring, Store(one), SEALED, lambda: configured).follow()
    assert ring.current().keys[one.key.key_id].state is KeyState.RETIRED
    assert ring.current().active is None


async def test_a_key_that_has_not_changed_is_not_opened_again() -> None:
    one, other = await made(), await made(KeyState.PREPARED)
    store = Store(one, other)
    ring, follower = following(store)
    await follower.follow()
    before = ring.current().keys
    store.keys = (one, replace(other, key=replace(other.key, state=KeyState.RETIRED)))
    await follower.follow()
    after = ring.current().keys
    assert after[one.key.key_id] is before[one.key.key_id]
    assert after[other.key.key_id].state is KeyState.RETIRED


async def test_a_flood_of_unknown_keys_is_a_few_questions() -> None:
    # Guard: without sharing, a thousand.
    store = Store(await made())
    _, follower = following(store)
    began = asyncio.get_running_loop().time()
    for _ in range(3):
        await asyncio.gather(*(follower.catch_up() for _ in range(1000)))
    assert store.questions <= 3
    # A second flood waits for its turn.
    assert asyncio.get_running_loop().time() - began > 0.3


async def test_who_comes_while_an_answer_is_on_its_way_gets_a_newer_one() -> None:
    # Guard: with the answer that is on its way, the key that was made meanwhile stayed unknown.
    one, other = await made(), await made(KeyState.PREPARED)
    store = Store(one)
    ring, follower = following(store)
    store.may_answer.clear()
    first = asyncio.create_task(follower.catch_up())
    await until(lambda: store.questions)
    store.keys = (one, other)
    second = asyncio.create_task(follower.catch_up())
    await asyncio.sleep(0)
    store.may_answer.set()
    await first
    assert other.key.key_id not in ring.current().keys
    await second
    assert other.key.key_id in ring.current().keys


class SlowAtFirst(Store):
    """A store whose first answer comes late, whatever is asked meanwhile."""

    async def load(self) -> StoredKeys:
        found = StoredKeys(keys=tuple(self.keys), revoked_key_ids=self.revoked, now=NOW)
        self.questions += 1
        if self.questions == 1:
            await self.may_answer.wait()
        return found


async def test_a_late_answer_never_replaces_a_newer_one() -> None:
    # Guard: without taking turns, the key that was made meanwhile was forgotten again.
    one, other = await made(), await made(KeyState.PREPARED)
    store = SlowAtFirst(one)
    ring, follower = following(store)
    store.may_answer.clear()
    late = asyncio.create_task(follower.follow())
    await until(lambda: store.questions)
    store.keys = (one, other)
    newer = asyncio.create_task(follower.follow())
    # As long as it would take, if it did not wait.
    await asyncio.wait({newer}, timeout=0.2)
    store.may_answer.set()
    await asyncio.gather(late, newer)
    assert other.key.key_id in ring.current().keys


async def test_a_caller_who_gives_up_takes_the_answer_from_nobody() -> None:
    one = await made()
    store = Store(one)
    ring, follower = following(store)
    store.may_answer.clear()
    leaving, staying = (asyncio.create_task(follower.catch_up()) for _ in range(2))
    await until(lambda: store.questions)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    store.may_answer.set()
    await staying
    assert one.key.key_id in ring.current().keys


async def test_a_store_that_is_away_changes_nothing() -> None:
    store = Store(await made())
    ring, follower = following(store)
    await follower.follow()
    before = ring.current()
    store.away = True
    for ask in (follower.follow, follower.catch_up):
        with pytest.raises(StoreUnavailableError):
            await ask()
    assert ring.current() is before


async def test_a_key_that_cannot_be_opened_is_told_and_the_others_are_followed() -> None:
    # Guard: where it stopped all of them, a revoked key went on signing.
    active = await made()
    store = Store(active)
    ring, follower = following(store)
    await follower.follow()
    stranger, successor = await made(KeyState.PREPARED, by=STRANGERS), await made()
    store.keys = (
        replace(active, key=replace(active.key, state=KeyState.REVOKED)),
        stranger,
        successor,
    )
    with pytest.raises(SigningKeyError, match=stranger.key.key_id):
        await follower.follow()
    assert ring.current().signer().key_id == successor.key.key_id
    # A call is told that there is no answer, and nothing of the keys: the token may be of that one.
    with pytest.raises(StoreUnavailableError):
        await follower.catch_up()
    assert stranger.key.key_id not in ring.current().keys
