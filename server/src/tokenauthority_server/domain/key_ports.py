"""What the life of the signing keys needs of the world.

All methods of the store raise StoreUnavailableError when it cannot be asked, and may be asked again
then. A change is atomic, and of any number of replicas that try it at once one makes it.
"""

from collections.abc import Collection, Sequence
from typing import Protocol

from tokenauthority_server.domain.keys import (
    KeyMaterial,
    KeyTerms,
    SigningKey,
    StoredKey,
    StoredKeys,
)
from tokenauthority_server.domain.sessions import Origin


class KeyMaker(Protocol):
    """Makes keys, and seals their private halves."""

    async def make(self, algorithm: str) -> KeyMaterial:
        """Return a new key; the event loop is not held up meanwhile."""
        ...

    def prove(self, keys: Sequence[StoredKey]) -> None:
        """Return when we can open all of these keys; raise SigningKeyError.

        A key that is sealed otherwise than those beside it would be of no use to anyone.
        """
        ...

    def reseal(self, material: KeyMaterial) -> KeyMaterial | None:
        """Return the key sealed by the first KEY_ENCRYPTION_KEY; None when it is already.

        Raises SigningKeyError when none of ours opens it.
        """
        ...


class KeySource(Protocol):
    """What is known of all keys."""

    async def load(self) -> StoredKeys:
        """Return all keys."""
        ...


class SigningKeyStore(KeySource, Protocol):
    """The table of signing keys. Each change but `extend` leaves an event in the audit trail.

    Whatever adds a key or makes it active moves its `last_expire_time` on to the terms' horizon.
    Times are the store's own.
    """

    async def prepare(self, material: KeyMaterial, terms: KeyTerms, origin: Origin) -> SigningKey:
        """Add a key as PREPARED, with its horizon, and return it."""
        ...

    async def supply(
        self, materials: Sequence[KeyMaterial], terms: KeyTerms, origin: Origin
    ) -> bool:
        """Supply what an algorithm lacks, and return whether it lacked anything.

        The materials are one or two keys of that algorithm. Where no key of any algorithm is
        active, the oldest prepared one of this becomes active, or else the first of these. Where
        one is active and none of this algorithm is prepared, the first of these is added as
        PREPARED. Where there is no key at all, the first becomes active and the second is added as
        PREPARED, both with one `create_time`.
        """
        ...

    async def activate(
        self, algorithm: str, key_id: str | None, terms: KeyTerms, origin: Origin
    ) -> SigningKey:
        """Let a prepared key sign, retire the one of its algorithm that did, and return it.

        Without a `key_id` it is the oldest prepared one of `algorithm`. It must have been known for
        `terms.published_for`, unless it is as old as the oldest key of all, so that nobody has ever
        fetched a set without it. A key that is active already is left as it is. Raises
        KeyNotFoundError and KeyStateError.
        """
        ...

    async def rotate(self, algorithm: str, terms: KeyTerms, origin: Origin) -> bool:
        """Do the same when it is due, and return whether it was.

        It is when the active key has signed for `terms.rotate_after`, or when there is none of this
        algorithm, and a prepared one has been published for long enough.
        """
        ...

    async def retire(self, key_id: str, in_use: Collection[str], origin: Origin) -> SigningKey:
        """Let a key sign no more, and return it; one that is retired already is left as it is.

        The active key of an algorithm that is `in_use` cannot be retired, nor the only active one
        while any is, nor a revoked one. Raises KeyStateError and KeyNotFoundError.
        """
        ...

    async def revoke(
        self, key_id: str, replacement: KeyMaterial, terms: KeyTerms, origin: Origin
    ) -> tuple[SigningKey, int | None]:
        """Let nothing that the key has signed live on; return it, and how many sessions that ended.

        In the same change, where it was active, the oldest prepared key of its algorithm becomes
        active, or else the replacement; it may sign for as long ahead as the key could. A session
        ends when its current refresh token was signed by the key. They are counted afterwards,
        which may take half a minute: None comes back where it takes longer. A key that is revoked
        already is left as it is, and its sessions are counted again. Raises KeyNotFoundError.
        """
        ...

    async def revoke_elsewhere(self, key_id: str, origin: Origin) -> int | None:
        """Do the same for a key that is kept elsewhere, in a file or a setting.

        Only the fact is written. It matters for ten years: the key may stay where it is.
        """
        ...

    async def extend(self, terms: KeyTerms) -> bool:
        """Move keys that run short on to the horizon; return whether there were any.

        An active or a prepared one runs short when less than `terms.short` of it is left.
        """
        ...

    async def reseal(self, former: KeyMaterial, material: KeyMaterial) -> bool:
        """Exchange the sealed private key; False when it is no more the former one."""
        ...


class KeyFollowing(Protocol):
    """Brings the keys that this process knows up to date. The event loop is not held up by it."""

    async def follow(self) -> None:
        """Return when all is known that the store held when this was called.

        Raises StoreUnavailableError, and SigningKeyError when a key cannot be opened: all others
        are followed.
        """
        ...


class KeyUpdates(Protocol):
    """Does the same for calls that meet a key which is not known yet."""

    async def catch_up(self) -> None:
        """Return when all is known that the store held when this was called.

        Of any number of calls at once the store is asked a few times a second. Raises
        StoreUnavailableError whatever goes wrong.
        """
        ...
