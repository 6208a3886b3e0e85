"""When a key is lacking, when a rotation may be due, and when a horizon runs short."""

from datetime import UTC, datetime, timedelta

import pytest

from tokenauthority_server.domain.keys import (
    PUBLISHED_BEFORE_USE,
    KeyMaterial,
    KeyState,
    KeyTerms,
    SigningKey,
    StoredKey,
    StoredKeys,
    is_lacking,
    may_be_due,
    runs_short,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
TERMS = KeyTerms(rotate_after=30 * DAY, longest=7 * DAY)


def key(
    state: KeyState, *, algorithm: str = "ES256", active_for: timedelta = DAY, left: timedelta = DAY
) -> StoredKey:
    return StoredKey(
        key=SigningKey(
            key_id=f"{algorithm} {state}",
            algorithm=algorithm,
            state=state,
            create_time=NOW - 90 * DAY,
            activate_time=None if state is KeyState.PREPARED else NOW - active_for,
            last_expire_time=NOW + left,
        ),
        material=KeyMaterial(
            key_id="", algorithm=algorithm, public_jwk="", sealed_private_key=b"sealed"
        ),
    )


def stored(*keys: StoredKey) -> StoredKeys:
    return StoredKeys(keys=keys, revoked_key_ids=frozenset(), now=NOW)


ACTIVE, PREPARED = key(KeyState.ACTIVE), key(KeyState.PREPARED)


@pytest.mark.parametrize(
    ("keys", "lacking"),
    [
        ((), True),
        ((ACTIVE,), True),
        ((PREPARED,), True),
        ((ACTIVE, PREPARED), False),
        ((ACTIVE, key(KeyState.PREPARED, algorithm="EdDSA")), True),
        # The active key of another algorithm goes on until ours has been published.
        ((key(KeyState.ACTIVE, algorithm="EdDSA"), PREPARED), False),
        ((key(KeyState.RETIRED), key(KeyState.REVOKED)), True),
    ],
)
def test_there_is_always_an_active_key_and_a_successor(
    keys: tuple[StoredKey, ...], *, lacking: bool
) -> None:
    assert is_lacking(stored(*keys), "ES256") is lacking


@pytest.mark.parametrize(
    ("keys", "due"),
    [
        ((ACTIVE,), False),
        ((key(KeyState.ACTIVE, active_for=30 * DAY - timedelta(seconds=1)),), False),
        ((key(KeyState.ACTIVE, active_for=30 * DAY),), True),
        ((key(KeyState.ACTIVE, algorithm="EdDSA"),), True),
        ((key(KeyState.RETIRED),), True),
    ],
)
def test_a_rotation_may_be_due_when_the_active_key_is_old_or_another_algorithms(
    keys: tuple[StoredKey, ...], *, due: bool
) -> None:
    assert may_be_due(stored(*keys), "ES256", TERMS) is due


@pytest.mark.parametrize("state", list(KeyState))
@pytest.mark.parametrize(("left", "short"), [(timedelta(), True), (timedelta(seconds=-1), False)])
def test_a_horizon_runs_short_when_it_is_nearer_than_a_token_and_half_a_day(
    state: KeyState, left: timedelta, *, short: bool
) -> None:
    one = key(state, left=TERMS.short - timedelta(microseconds=1) - left)
    signs = state in {KeyState.ACTIVE, KeyState.PREPARED}
    assert runs_short(stored(one), TERMS) is (short and signs)


def test_the_horizon_is_further_than_any_token_lives() -> None:
    assert TERMS.longest < TERMS.short < TERMS.horizon
    assert TERMS.published_for == PUBLISHED_BEFORE_USE


def test_nothing_secret_of_a_key_is_shown() -> None:
    assert "sealed" not in repr(stored(ACTIVE))
