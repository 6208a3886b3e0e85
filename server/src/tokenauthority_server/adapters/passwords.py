"""Hashes of passwords: argon2id for all that is made, bcrypt for what the platform made before.

argon2id at the parameters of OWASP's Password Storage Cheat Sheet; bcrypt is verified only, and
renewed when its password is right.
"""

import asyncio
import os
import secrets
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final, TypeVar

import argon2
import bcrypt
from argon2.exceptions import InvalidHashError, VerificationError

from tokenauthority_server.domain.passwords import Verification, is_argon2id, is_bcrypt, normalized

MEMORY_KIB: Final = 19_456
PASSES: Final = 2
LANES: Final = 1

BCRYPT_BYTES: Final = 72
"""What bcrypt looks at of a password."""

NICENESS: Final = 10
"""The threads' own: whoever asks for a verdict goes before whoever logs in."""

MOST_THREADS: Final = 4

Result = TypeVar("Result")


class HashingThreads:
    """The port PasswordHasher. Both libraries let other threads run while they work."""

    def __init__(self, threads: int, *, memory: int = MEMORY_KIB, passes: int = PASSES) -> None:
        self._argon2 = argon2.PasswordHasher(
            time_cost=passes, memory_cost=memory, parallelism=LANES, type=argon2.Type.ID
        )
        self._decoy = self._argon2.hash(secrets.token_hex())
        self._threads = ThreadPoolExecutor(threads, "password", initializer=_step_back)

    def close(self) -> None:
        """Let what runs come to its end."""
        self._threads.shutdown(cancel_futures=True)

    async def hash(self, password: str) -> str:
        """See PasswordHasher.hash."""
        return await self._beside(lambda: self._argon2.hash(normalized(password)))

    async def verify(self, password: str, stored: str | None) -> Verification:
        """See PasswordHasher.verify."""
        if stored is not None and is_bcrypt(stored):
            return await self._beside(lambda: _by_bcrypt(password, stored))
        return await self._beside(lambda: self._by_argon2(password, stored))

    def _by_argon2(self, password: str, stored: str | None) -> Verification:
        known = stored if stored is not None and is_argon2id(stored) else None
        try:
            self._argon2.verify(known or self._decoy, normalized(password))
        except (VerificationError, InvalidHashError):
            return Verification(right=False)
        # Nobody types the decoy's, and it would open nothing.
        right = known is not None
        return Verification(
            right=right, outdated=right and self._argon2.check_needs_rehash(str(known))
        )

    async def _beside(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


def thread_count(processes: int = 1) -> int:
    """Return how many threads of each of so many processes may hash.

    A processor is left for the event loop, and memory; the others are shared out.
    """
    return max(1, min(MOST_THREADS, ((os.cpu_count() or 1) - 1) // processes))


def _by_bcrypt(password: str, stored: str) -> Verification:
    # As the platform took it: not normalized, and cut. NUL is in no request.
    typed = password.encode()
    right = bcrypt.checkpw(typed[:BCRYPT_BYTES], stored.encode())
    # What comes after the cut was never proved: a slip there must not become the password.
    return Verification(right=right, outdated=right and len(typed) <= BCRYPT_BYTES)


def _step_back() -> None:
    # On Linux a thread has a priority of its own.
    with suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
