"""Keeps the ring of this process at what the store and the configuration hold."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final

from tokenauthority_server.adapters.jwt.keyring import STORE, KeyRing
from tokenauthority_server.adapters.jwt.keys import TokenKey
from tokenauthority_server.adapters.signing_keys.material import SealedKeys
from tokenauthority_server.domain.errors import SigningKeyError, StoreUnavailableError
from tokenauthority_server.domain.key_ports import KeySource
from tokenauthority_server.domain.keys import StoredKey, StoredKeys

PACE_SECONDS: Final = 0.2
"""However many tokens name keys that are not known, the store is asked this seldom for them."""


class KeyFollower:
    """The ports KeyFollowing and KeyUpdates.

    `configured` returns the keys that a setting or a folder brings, as they are now.
    """

    def __init__(
        self,
        ring: KeyRing,
        store: KeySource,
        sealed: SealedKeys,
        configured: Callable[[], Sequence[TokenKey]] = tuple,
    ) -> None:
        self._ring = ring
        self._store = store
        self._sealed = sealed
        self._configured = configured
        self._opened: dict[str, tuple[StoredKey, TokenKey]] = {}
        self._next: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()
        self._asked_at = float("-inf")

    async def follow(self) -> None:
        """See KeyFollowing.follow."""
        # One after another, so that none brings back what an earlier one saw.
        async with self._turn:
            await self._load()

    async def catch_up(self) -> None:
        """See KeyUpdates.catch_up."""
        # Whoever comes before the store is asked shares the answer; whoever comes later, when it
        # may be on its way already, waits for the next one.
        if self._next is None:
            self._next = asyncio.create_task(self._follow_at_leisure())
            self._next.add_done_callback(_seen)
        try:
            await asyncio.shield(self._next)
        except SigningKeyError as error:
            raise StoreUnavailableError(STORE, type(error).__name__) from error

    async def _follow_at_leisure(self) -> None:
        await asyncio.sleep(self._asked_at + PACE_SECONDS - time.monotonic())
        async with self._turn:
            self._next = None
            await self._load()

    async def _load(self) -> None:
        self._asked_at = time.monotonic()
        await asyncio.to_thread(self._show, await self._store.load())

    def _show(self, stored: StoredKeys) -> None:
        opened: dict[str, tuple[StoredKey, TokenKey]] = {}
        unopened: list[SigningKeyError] = []
        for one in stored.keys:
            try:
                opened[one.key.key_id] = (one, self._open(one))
            except SigningKeyError as error:
                # The others are followed all the same: one of them may have been revoked.
                unopened.append(error)
        # Of a key that is here and there the store knows more: whether it still signs, and until
        # when.
        configured = [key for key in self._configured() if key.key_id not in opened]
        self._ring.replace(
            [key for _, key in opened.values()],
            configured=configured,
            revoked=stored.revoked_key_ids,
        )
        self._opened = opened
        if unopened:
            raise unopened[0]

    def _open(self, stored: StoredKey) -> TokenKey:
        """Return the key, opened anew only where it has changed."""
        former, key = self._opened.get(stored.key.key_id, (None, None))
        return key if key and former == stored else self._sealed.open(stored)


def _seen(task: asyncio.Task[None]) -> None:
    if not task.cancelled():
        task.exception()  # also where nobody waits for it any more
