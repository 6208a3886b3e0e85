"""Nobody learns from the time of an answer whether a user is there."""

import statistics
import time
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta

import bcrypt
import pytest
from support.asking import ADA, BOB, LIFETIMES, NO_DEVICE, ORIGIN, new_session
from support.people import PASSWORD, WRONG, hashed
from support.postgres import Connection

from tokenauthority_server.adapters.clock import SystemTimer
from tokenauthority_server.adapters.login_digests import KeyedDigests
from tokenauthority_server.adapters.passwords import HashingThreads
from tokenauthority_server.adapters.postgres.database import Database
from tokenauthority_server.adapters.postgres.logins import PostgresLoginStore
from tokenauthority_server.adapters.postgres.sessions import PostgresSessionStore
from tokenauthority_server.adapters.sealing import EncryptionKeys
from tokenauthority_server.domain.errors import AccountLockedError, InvalidCredentialsError
from tokenauthority_server.domain.logins import LoginLimits
from tokenauthority_server.services.checking import Checking
from tokenauthority_server.services.turns import Turns

FLOOR = 0.25
"""Shorter than in earnest, and above all that is hashed here."""
NO_FLOOR = 0.001
ROUNDS = 11
APART = 0.010
"""Seconds by which medians may differ. Seen: 0.001 to 0.002; without the floor 0.04 to 0.06."""
NOISE = 1.5
"""Seen: 0.97 to 1.05; without the decoy 0.2."""

LOOSE = LoginLimits(failures=1000, lock=timedelta(minutes=30))
STRICT = LoginLimits(failures=1, lock=timedelta(minutes=30))
NAMES = {"a user": "ada", "of the platform": "bob", "nobody": "nobody"}


@pytest.fixture
async def store(database_url: str, database: Connection) -> AsyncIterator[PostgresLoginStore]:
    opened = Database(database_url)
    await opened.open()
    for user in (ADA, BOB):
        await PostgresSessionStore(opened).create(new_session(user), LIFETIMES, ORIGIN)
    of_platform = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(10)).decode()
    for user, stored in ((ADA, await hashed(PASSWORD)), (BOB, of_platform)):
        await database.execute(
            "UPDATE tokenauthority.users SET password_hash = $2 WHERE user_id = $1",
            user.user_id,
            stored,
        )
    yield PostgresLoginStore(opened)
    await opened.close()


@pytest.fixture
async def hasher() -> AsyncIterator[HashingThreads]:
    hasher = HashingThreads(1)
    yield hasher
    hasher.close()


async def medians(
    store: PostgresLoginStore,
    hasher: HashingThreads,
    floor: float,
    limits: LoginLimits = LOOSE,
) -> Mapping[str, float]:
    """How long a guess takes, in seconds, by whose it is; guesses take turns."""
    checking = Checking(
        logins=store,
        hasher=hasher,
        digests=KeyedDigests(EncryptionKeys([bytes(32)])),
        turns=Turns(1),
        timer=SystemTimer(),
        limits=limits,
        floor=floor,
    )
    taken: dict[str, list[float]] = {kind: [] for kind in NAMES}
    for _ in range(ROUNDS):
        for kind, name in NAMES.items():
            began = time.perf_counter()
            with pytest.raises((InvalidCredentialsError, AccountLockedError)):
                await checking.proved(checking.attempt(name, NO_DEVICE, ORIGIN), WRONG, ORIGIN)
            taken[kind].append(time.perf_counter() - began)
    return {kind: statistics.median(times) for kind, times in taken.items()}


async def test_the_floor_hides_what_was_hashed(
    store: PostgresLoginStore, hasher: HashingThreads
) -> None:
    found = await medians(store, hasher, FLOOR)
    assert min(found.values()) >= FLOOR
    assert max(found.values()) - min(found.values()) < APART, found


async def test_the_floor_hides_who_is_locked(
    store: PostgresLoginStore, hasher: HashingThreads
) -> None:
    found = await medians(store, hasher, FLOOR, STRICT)
    assert min(found.values()) >= FLOOR
    assert max(found.values()) - min(found.values()) < APART, found


async def test_without_a_floor_nobody_takes_as_long_as_a_user(
    store: PostgresLoginStore, hasher: HashingThreads
) -> None:
    found = await medians(store, hasher, NO_FLOOR)
    assert 1 / NOISE < found["nobody"] / found["a user"] < NOISE, found


async def test_the_comparison_sees_what_the_floor_hides(
    store: PostgresLoginStore, hasher: HashingThreads
) -> None:
    found = await medians(store, hasher, NO_FLOOR)
    assert found["of the platform"] - found["nobody"] > 2 * APART, found
