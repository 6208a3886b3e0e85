"""The signing keys in an administrator's hands."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from tokenauthority_server.domain import key_refusals
from tokenauthority_server.domain.errors import (
    InvalidRequestError,
    KeyStateError,
    Violation,
)
from tokenauthority_server.domain.key_ports import KeyMaker, SigningKeyStore
from tokenauthority_server.domain.keys import KeyState, KeyTerms, SigningKey
from tokenauthority_server.domain.ports import Propagation
from tokenauthority_server.domain.revocations import about_key
from tokenauthority_server.domain.sessions import Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokedKey:
    """A key that was revoked, the sessions that this ended, and whether all verifiers know it.

    `sessions` is None where counting them took too long.

    `key` is None for one that is kept elsewhere than in the store.
    """

    key: SigningKey | None
    sessions: int | None
    effective_everywhere: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKeys:
    """What AdminService and `tokenauthority keys` do with keys.

    `algorithm` is the one that signs, empty where its keys are kept elsewhere, and `algorithms` are
    those of which keys can be made.
    """

    store: SigningKeyStore
    maker: KeyMaker
    propagation: Propagation
    algorithm: str
    algorithms: Collection[str]
    terms: KeyTerms

    async def list_keys(self) -> Sequence[SigningKey]:
        """Return the keys of the store, newest first."""
        return [one.key for one in (await self.store.load()).keys]

    async def prepare(self, algorithm: str, origin: Origin) -> SigningKey:
        """Make a key that is published and does not sign yet; "" is for the algorithm that signs.

        Raises InvalidRequestError, and SigningKeyError when the keys that are there cannot be
        opened: this one would be of no use to those who open them.
        """
        wanted = algorithm or self.algorithm
        if wanted not in self.algorithms:
            raise InvalidRequestError(
                Violation("algorithm", f"must be one of {', '.join(self.algorithms)}")
            )
        self.maker.prove((await self.store.load()).keys)
        return await self.store.prepare(await self.maker.make(wanted), self.terms, origin)

    async def activate(self, key_id: str, origin: Origin) -> SigningKey:
        """Let a prepared key sign from now on, and retire the one that did.

        With "" it is the oldest prepared key of the algorithm that signs. Raises KeyNotFoundError,
        and KeyStateError when it is not prepared, has not been published for long enough, or would
        not sign, as the configuration brings the key that does.
        """
        if not self.algorithm:
            raise KeyStateError(
                "A setting brings the key that signs (SIGNING_KEYS_DIR, or JWT_SECRET_KEY with "
                "JWT_ALGORITHM=HS256), so no key of the database would. Exchange that one there."
            )
        return await self.store.activate(self.algorithm, key_id or None, self.terms, origin)

    async def retire(self, key_id: str, origin: Origin) -> SigningKey:
        """Let a key sign no more; what it has signed stays good.

        Raises KeyNotFoundError, and KeyStateError for the key that signs, and for a revoked one.
        """
        in_use = (self.algorithm,) if self.algorithm else ()
        return await self.store.retire(key_id, in_use, origin)

    async def revoke(
        self, key_id: str, origin: Origin, *, with_lost_encryption_key: bool = False
    ) -> RevokedKey:
        """Kill a key, with all that it has signed and the sessions that hang on it.

        Where it was the active one, its successor signs from the same moment. Raises
        KeyNotFoundError, and SigningKeyError when the keys that are there cannot be opened, unless
        it is said that what sealed them is lost: then all begins anew with what there is now.
        """
        stored = (await self.store.load()).keys
        algorithms = {one.key.key_id: one.key.algorithm for one in stored}
        if key_id not in algorithms:
            raise key_refusals.unknown(key_id)
        if not with_lost_encryption_key:
            self.maker.prove(stored)
        # Made before, as it takes time; it is seldom needed, since a successor is mostly at hand.
        replacement = await self.maker.make(algorithms[key_id])
        key, ended = await self.store.revoke(key_id, replacement, self.terms, origin)
        settled = await self.propagation.settle(about_key(key_id))
        return RevokedKey(key=key, sessions=ended, effective_everywhere=settled)

    async def revoke_elsewhere(self, key_id: str, origin: Origin) -> RevokedKey:
        """Do the same for a key that is kept elsewhere than in the store, whatever its id.

        No other takes its place by itself.
        """
        ended = await self.store.revoke_elsewhere(key_id, origin)
        settled = await self.propagation.settle(about_key(key_id))
        return RevokedKey(key=None, sessions=ended, effective_everywhere=settled)

    async def rewrap(self) -> tuple[int, int]:
        """Seal every private key by the first KEY_ENCRYPTION_KEY; return how many, and of how many.

        Those of revoked keys are never opened again, and are left as they are.
        Raises SigningKeyError when one cannot be opened: those before it are done.
        """
        keys = [
            one for one in (await self.store.load()).keys if one.key.state is not KeyState.REVOKED
        ]
        sealed = 0
        for one in keys:
            anew = self.maker.reseal(one.material)
            if anew and await self.store.reseal(one.material, anew):
                sealed += 1
        return sealed, len(keys)
