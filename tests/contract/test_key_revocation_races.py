"""Sessions that begin and go on while their key is revoked.

Over the memory form these hold by themselves; each names what makes the real store pass.
"""

import pytest
from support.asking import ADA, access_claims, new_session, rotation_of
from support.racing import in_line, race
from support.signing_keys import prepare, revoke
from support.steps import (
    create,
    death,
    end_user_sessions,
    live_session_ids,
    refresh_death,
    revoke_key,
    rotate,
)
from support.stores import Stores

from tokenauthority_server.domain.errors import (
    RefreshTokenInvalidError,
    SigningKeyRevokedError,
)
from tokenauthority_server.domain.sessions import Grant

ROUNDS = 12


async def assert_dead(stores: Stores, grant: Grant) -> None:
    assert await death(stores, access_claims(grant)) is not None
    assert await refresh_death(stores, grant) is not None
    assert grant.session_id not in await live_session_ids(stores, grant.profile.user_id)
    with pytest.raises(RefreshTokenInvalidError):
        await rotate(stores, rotation_of(grant, key_id="key-good"))


async def test_creations_under_a_key_that_is_being_revoked(stores: Stores) -> None:
    # The guard: whether a session is live is asked of its key each time, so that one whose creation
    # did not see the revocation is dead all the same.
    for number in range(ROUNDS):
        key_id = f"key-{number}"
        await prepare(stores, key_id)
        outcomes = await race(
            *(create(stores, new_session(key_id=key_id)) for _ in range(4)),
            revoke(stores, key_id),
            *(create(stores, new_session(key_id=key_id)) for _ in range(4)),
        )
        grants = [one for one in outcomes if isinstance(one, Grant)]
        refused = [one for one in outcomes if isinstance(one, SigningKeyRevokedError)]
        assert len(grants) + len(refused) == 8
        for grant in grants:
            await assert_dead(stores, grant)
        assert await live_session_ids(stores, ADA.user_id) == set()
        with pytest.raises(SigningKeyRevokedError):
            await create(stores, new_session(key_id=key_id))


async def test_refreshes_to_a_key_that_is_being_revoked(stores: Stores) -> None:
    # The same guard. Whoever was refused has changed nothing, and goes on under another key.
    for number in range(ROUNDS):
        key_id = f"key-{number}"
        before = [await create(stores, new_session(key_id="key-good")) for _ in range(6)]
        outcomes = await race(
            *(rotate(stores, rotation_of(one, key_id=key_id)) for one in before[:3]),
            revoke_key(stores, key_id),
            *(rotate(stores, rotation_of(one, key_id=key_id)) for one in before[3:]),
        )
        for one, outcome in zip(before, outcomes[:3] + outcomes[4:], strict=True):
            if isinstance(outcome, Grant):
                await assert_dead(stores, outcome)
            else:
                assert isinstance(outcome, SigningKeyRevokedError)
                again = await rotate(stores, rotation_of(one, key_id="key-next"))
                assert again.generation == 1
        await end_user_sessions(stores, ADA.user_id)


async def test_refreshes_from_a_key_that_is_being_revoked(stores: Stores) -> None:
    # Either the refresh came first, and the session goes on under its new key, or it is refused.
    # None of these is reuse.
    for number in range(ROUNDS):
        key_id = f"key-{number}"
        before = [await create(stores, new_session(key_id=key_id)) for _ in range(6)]
        outcomes = await race(
            *(rotate(stores, rotation_of(one, key_id="key-good")) for one in before[:3]),
            revoke_key(stores, key_id),
            *(rotate(stores, rotation_of(one, key_id="key-good")) for one in before[3:]),
        )
        moved = []
        for one, outcome in zip(before, outcomes[:3] + outcomes[4:], strict=True):
            if isinstance(outcome, Grant):
                moved.append(outcome.session_id)
                assert await refresh_death(stores, outcome) is None
            else:
                assert isinstance(outcome, RefreshTokenInvalidError)
                await assert_dead(stores, one)
        assert await live_session_ids(stores, ADA.user_id) == set(moved)
        await end_user_sessions(stores, ADA.user_id)
    assert "session.reuse_detected" not in await stores.records.audit_kinds(ADA.user_id)


async def test_a_refresh_that_waits_while_its_new_key_is_revoked(stores: Stores) -> None:
    # It has seen a key that was good, and commits; the session is dead by the key that it got.
    grant = await create(stores, new_session(key_id="key-good"))
    rotated, ended = await in_line(
        stores,
        grant.session_id,
        rotate(stores, rotation_of(grant, key_id="key-bad")),
        revoke_key(stores, "key-bad"),
    )
    assert isinstance(rotated, Grant)
    assert isinstance(ended, int)
    await assert_dead(stores, rotated)


async def test_what_looks_like_reuse_waits_while_its_key_is_revoked(postgres: Stores) -> None:
    # The guard: the keys are read after the wait for the session's row. With those of before it the
    # session would be ended for reuse, though by then nobody believes the token's key.
    first = await create(postgres, new_session(key_id="key-bad"))
    second = await rotate(postgres, rotation_of(first, key_id="key-good"))
    await rotate(postgres, rotation_of(second, key_id="key-good"))
    refused, ended = await in_line(
        postgres,
        first.session_id,
        rotate(postgres, rotation_of(first, key_id="key-good")),
        revoke_key(postgres, "key-bad"),
    )
    assert ended == 0
    assert isinstance(refused, RefreshTokenInvalidError)
    assert await live_session_ids(postgres, ADA.user_id) == {first.session_id}
