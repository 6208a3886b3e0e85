"""The life of the signing keys, as it goes by itself on every replica."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from tokenauthority_server.domain.key_ports import KeyFollowing, KeyMaker, SigningKeyStore
from tokenauthority_server.domain.keys import KeyTerms, is_lacking, may_be_due, runs_short
from tokenauthority_server.domain.sessions import Origin

TICK: Final = timedelta(seconds=5)
"""How often `tick` is due: as late may a replica learn of a key."""

_BY_ITSELF: Final = Origin(caller="rotation")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRotation:
    """Keeps an active key and its successor at hand, and exchanges them when the time has come.

    There is always a prepared key: published long before it is needed, also when that is sooner
    than anyone thought, because the active one must be revoked. `algorithm` is the one that signs;
    None where the configuration brings the keys, and none is made.
    """

    store: SigningKeyStore
    maker: KeyMaker
    updates: KeyFollowing
    algorithm: str | None
    terms: KeyTerms

    async def tick(self) -> None:
        """Do what is due, then bring this process up to date; any replica may, at any time.

        Raises StoreUnavailableError, and SigningKeyError when a stored key cannot be opened: then
        no key was made.
        """
        if self.algorithm:
            await self._keep(self.algorithm)
        # Also where nothing was due: another replica may have done it in between.
        await self.updates.follow()

    async def _keep(self, algorithm: str) -> None:
        stored = await self.store.load()
        if is_lacking(stored, algorithm):
            # None is made beside keys that cannot be opened here.
            self.maker.prove(stored.keys)
            # At the very first start an active key is lacking, and its successor with it.
            wanted = 1 if stored.keys else 2
            materials = [await self.maker.make(algorithm) for _ in range(wanted)]
            await self.store.supply(materials, self.terms, _BY_ITSELF)
            stored = await self.store.load()
        if may_be_due(stored, algorithm, self.terms):
            await self.store.rotate(algorithm, self.terms, _BY_ITSELF)
        if runs_short(stored, self.terms):
            await self.store.extend(self.terms)
