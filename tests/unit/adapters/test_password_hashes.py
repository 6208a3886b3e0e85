"""Hashes of passwords: made by argon2id, and taken over from bcrypt."""

import asyncio
import os
import sys
import threading
import time
from collections.abc import Iterator

import bcrypt
import pytest

from tokenauthority_server.adapters import passwords
from tokenauthority_server.adapters.passwords import HashingThreads
from tokenauthority_server.domain.passwords import Verification

RIGHT, WRONG = Verification(right=True), Verification(right=False)
OUTDATED = Verification(right=True, outdated=True)
PASSWORD = "correct horse battery staple"


def by_bcrypt(password: str, kind: str = "2b") -> str:
    made = bcrypt.hashpw(password.encode()[:72], bcrypt.gensalt(4)).decode()
    return made.replace("$2b$", f"${kind}$")


@pytest.fixture
def cheap() -> Iterator[HashingThreads]:
    hasher = HashingThreads(2, memory=8, passes=1)
    yield hasher
    hasher.close()


async def test_what_was_hashed_is_right_and_nothing_else(cheap: HashingThreads) -> None:
    stored = await cheap.hash(PASSWORD)
    assert stored != await cheap.hash(PASSWORD)
    assert await cheap.verify(PASSWORD, stored) == RIGHT
    for other in (PASSWORD + " ", PASSWORD[:-1], PASSWORD.upper(), "", "a" * 1024):
        assert await cheap.verify(other, stored) == WRONG


async def test_the_parameters_are_owasps() -> None:
    hasher = HashingThreads(1)
    stored = await hasher.hash(PASSWORD)
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await hasher.verify(PASSWORD, stored) == RIGHT
    # Made with less, or with more, it is renewed.
    weak = HashingThreads(1, memory=8, passes=1)
    assert await hasher.verify(PASSWORD, await weak.hash(PASSWORD)) == OUTDATED
    for one in (hasher, weak):
        one.close()


async def test_however_it_was_typed_its_normal_form_is_the_same(cheap: HashingThreads) -> None:
    stored = await cheap.hash("caf\u00e9 au lait, deux")
    assert await cheap.verify("cafe\u0301 au lait, deux", stored) == RIGHT


@pytest.mark.parametrize("kind", ["2a", "2b", "2y"])
async def test_the_platforms_hashes_are_right_and_outdated(
    cheap: HashingThreads, kind: str
) -> None:
    stored = by_bcrypt(PASSWORD, kind)
    assert await cheap.verify(PASSWORD, stored) == OUTDATED
    assert await cheap.verify(PASSWORD + "x", stored) == WRONG


async def test_the_platform_hashed_what_was_typed(cheap: HashingThreads) -> None:
    typed = "cafe\u0301 au lait"
    assert await cheap.verify(typed, by_bcrypt(typed)) == OUTDATED
    assert await cheap.verify("caf\u00e9 au lait", by_bcrypt(typed)) == WRONG


async def test_what_bcrypt_cuts_off_was_never_proved(cheap: HashingThreads) -> None:
    stored = by_bcrypt("a" * 80)
    assert await cheap.verify("a" * 72, stored) == OUTDATED
    # Right, but what stands behind the cut must not become the password.
    for typed in ("a" * 80, "a" * 73, "a" * 72 + "a slip"):
        assert await cheap.verify(typed, stored) == RIGHT
    assert await cheap.verify("a" * 71, stored) == WRONG
    # In the middle of a character, too.
    assert await cheap.verify("é" * 36 + "é", by_bcrypt("é" * 40)) == RIGHT


@pytest.mark.parametrize(
    "stored",
    [
        None,
        "",
        "secret",
        "$argon2id$broken",
        "$argon2i$v=19$m=8,t=1,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA",
        f"$2b$31${'a' * 21}O{'a' * 31}",
        f"$2b$04${'a' * 53}",
        "$argon2id$v=19$m=8,t=0,p=0$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA",
        "$argon2id$\u00e4",
    ],
)
async def test_without_a_known_hash_nothing_is_right(
    cheap: HashingThreads, stored: str | None
) -> None:
    for typed in (PASSWORD, "", "secret"):
        assert await cheap.verify(typed, stored) == WRONG


async def test_no_hash_is_the_work_of_a_hash() -> None:
    # A ratio of times that alternate. Seen failing, at 0.00, without the decoy.
    hasher = HashingThreads(1)
    stored = await hasher.hash(PASSWORD)
    taken: dict[str | None, list[float]] = {stored: [], None: []}
    for _ in range(9):
        for one, times in taken.items():
            began = time.perf_counter()
            await hasher.verify("wrong", one)
            times.append(time.perf_counter() - began)
    hasher.close()
    assert 0.5 < min(taken[None]) / min(taken[stored]) < 2


async def test_the_loop_goes_on_meanwhile() -> None:
    # Seen failing with both libraries' work on the loop itself.
    hasher = HashingThreads(1)
    turns = 0

    async def turn() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    turning = asyncio.create_task(turn())
    for stored in (None, bcrypt.hashpw(b"another", bcrypt.gensalt(8)).decode()):
        turns = 0
        await hasher.verify(PASSWORD, stored)
        assert turns > 10
    turning.cancel()
    hasher.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only there a thread has its own priority")
async def test_who_hashes_steps_back(cheap: HashingThreads) -> None:
    def priority() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    mine = priority()
    assert await cheap._beside(priority) == passwords.NICENESS
    assert priority() == mine


def test_a_processor_is_left_for_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    for processors, threads in ((None, 1), (1, 1), (2, 1), (4, 3), (64, 4)):
        monkeypatch.setattr(os, "cpu_count", lambda number=processors: number)
        assert passwords.thread_count() == threads


def test_processors_are_shared_out_to_several_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    for processors, threads in ((2, 1), (5, 1), (9, 2), (64, 4)):
        monkeypatch.setattr(os, "cpu_count", lambda number=processors: number)
        assert passwords.thread_count(4) == threads
