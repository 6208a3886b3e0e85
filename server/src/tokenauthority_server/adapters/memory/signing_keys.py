"""The signing keys in memory."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from tokenauthority_server.adapters.memory.database import MemoryDatabase
from tokenauthority_server.adapters.memory.key_changes import KeyChanges
from tokenauthority_server.domain import key_refusals
from tokenauthority_server.domain.keys import (
    KeyMaterial,
    KeyState,
    KeyTerms,
    SigningKey,
    StoredKey,
    StoredKeys,
)
from tokenauthority_server.domain.revocations import (
    AS_GOOD_AS_EVER,
    FACT_MARGIN,
    LONGEST_REFRESH_LIFETIME,
    FactKind,
)
from tokenauthority_server.domain.sessions import Origin


class MemorySigningKeyStore:
    """A SigningKeyStore over a MemoryDatabase, which replicas may share."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database
        self._changes = KeyChanges(database)

    async def load(self) -> StoredKeys:
        """Return all keys."""
        keys = sorted(self._database.signing_keys.values(), key=lambda one: one.key.key_id)
        return StoredKeys(
            keys=tuple(sorted(keys, key=lambda one: one.key.create_time, reverse=True)),
            revoked_key_ids=frozenset(
                key_id
                for _, kind, key_id in self._database.facts
                if kind is FactKind.KEY and self._database.key_is_revoked(key_id)
            ),
            now=self._database.clock.now(),
        )

    async def prepare(self, material: KeyMaterial, terms: KeyTerms, origin: Origin) -> SigningKey:
        """Add a key as PREPARED and return it."""
        return self._changes.prepare(material, terms, origin)

    async def supply(
        self, materials: Sequence[KeyMaterial], terms: KeyTerms, origin: Origin
    ) -> bool:
        """Supply what an algorithm lacks, and return whether it lacked anything."""
        algorithm = materials[0].algorithm
        oldest = self._changes.oldest_prepared(algorithm)
        if any(one.key.state is KeyState.ACTIVE for one in self._database.signing_keys.values()):
            if oldest is None:
                self._changes.prepare(materials[0], terms, origin)
            return oldest is None
        successors = () if self._database.signing_keys else materials[1:2]
        if oldest is None:
            oldest = self._changes.add(materials[0], terms)
        self._changes.let_sign(oldest, terms)
        self._changes.audit("key.activated", origin)
        for successor in successors:
            self._changes.prepare(successor, terms, origin)
        return True

    async def activate(
        self, algorithm: str, key_id: str | None, terms: KeyTerms, origin: Origin
    ) -> SigningKey:
        """Let a prepared key sign, retire the one of its algorithm that did, and return it."""
        key = self._changes.oldest_prepared(algorithm) if key_id is None else self._key(key_id)
        if key is None:
            raise key_refusals.none_prepared(algorithm)
        if key.state is KeyState.ACTIVE:
            return key
        if key.state is not KeyState.PREPARED:
            raise key_refusals.not_prepared(key)
        if not self._changes.is_known(key, terms):
            raise key_refusals.too_young(key, terms)
        return self._exchange(key, terms, origin)

    async def rotate(self, algorithm: str, terms: KeyTerms, origin: Origin) -> bool:
        """Do the same when it is due, and return whether it was."""
        active = self._changes.active(algorithm)
        oldest = self._changes.oldest_prepared(algorithm)
        now = self._database.clock.now()
        if active and active.activate_time and active.activate_time > now - terms.rotate_after:
            return False
        if oldest is None or not self._changes.is_known(oldest, terms):
            return False
        self._exchange(oldest, terms, origin)
        return True

    async def retire(self, key_id: str, in_use: Collection[str], origin: Origin) -> SigningKey:
        """Let a key sign no more, and return it; one that is retired already is left as it is."""
        key = self._key(key_id)
        if key.state is KeyState.RETIRED:
            return key
        if key.state is KeyState.REVOKED:
            raise key_refusals.already_revoked(key)
        if key.state is KeyState.ACTIVE and self._is_needed(key, in_use):
            raise key_refusals.still_signing(key)
        now = self._database.clock.now()
        last = now if key.state is KeyState.PREPARED else key.last_expire_time
        retired = self._changes.stop(replace(key, last_expire_time=last), KeyState.RETIRED)
        self._changes.audit("key.retired", origin)
        return retired

    async def revoke(
        self, key_id: str, replacement: KeyMaterial, terms: KeyTerms, origin: Origin
    ) -> tuple[SigningKey, int | None]:
        """Let nothing that the key has signed live on; return it and how many sessions ended."""
        key = self._key(key_id)
        if key.state is KeyState.REVOKED:
            return key, self._changes.note_sessions(key_id, origin, is_new=False)
        revoked = self._changes.stop(key, KeyState.REVOKED)
        if key.state is KeyState.ACTIVE:
            successor = self._changes.oldest_prepared(key.algorithm)
            successor = successor or self._changes.add(replacement, terms)
            last = max(successor.last_expire_time, key.last_expire_time)
            self._changes.let_sign(replace(successor, last_expire_time=last), terms)
        longest = self._database.clock.now() + LONGEST_REFRESH_LIFETIME
        last = max(key.last_expire_time, longest) + FACT_MARGIN
        is_new = self._changes.put_fact(key_id, last)
        self._changes.audit("key.revoked", origin)
        return revoked, self._changes.note_sessions(key_id, origin, is_new=is_new)

    async def revoke_elsewhere(self, key_id: str, origin: Origin) -> int | None:
        """Do the same for a key that is kept elsewhere, in a file or a setting."""
        is_new = self._changes.put_fact(key_id, self._database.clock.now() + AS_GOOD_AS_EVER)
        if is_new:
            self._changes.audit("key.revoked", origin)
        return self._changes.note_sessions(key_id, origin, is_new=is_new)

    async def extend(self, terms: KeyTerms) -> bool:
        """Move keys that run short on to the horizon; return whether there were any."""
        now = self._database.clock.now()
        short = [
            one.key
            for one in self._database.signing_keys.values()
            if one.key.state in {KeyState.ACTIVE, KeyState.PREPARED}
            and one.key.last_expire_time < now + terms.short
        ]
        for key in short:
            self._changes.put(replace(key, last_expire_time=now + terms.horizon))
        return bool(short)

    async def reseal(self, former: KeyMaterial, material: KeyMaterial) -> bool:
        """Exchange the sealed private key; False when it is no more the former one."""
        stored = self._database.signing_keys.get(former.key_id)
        sealed = former.sealed_private_key
        if stored is None or stored.material.sealed_private_key != sealed:
            return False
        resealed = replace(stored.material, sealed_private_key=material.sealed_private_key)
        self._database.signing_keys[former.key_id] = StoredKey(key=stored.key, material=resealed)
        self._changes.audit("key.rewrapped", Origin())
        return True

    def _is_needed(self, active: SigningKey, in_use: Collection[str]) -> bool:
        others = [
            one.key
            for one in self._database.signing_keys.values()
            if one.key.state is KeyState.ACTIVE and one.key.key_id != active.key_id
        ]
        return bool(in_use) and (active.algorithm in in_use or not others)

    def _key(self, key_id: str) -> SigningKey:
        stored = self._database.signing_keys.get(key_id)
        if stored is None:
            raise key_refusals.unknown(key_id)
        return stored.key

    def _exchange(self, key: SigningKey, terms: KeyTerms, origin: Origin) -> SigningKey:
        former = self._changes.active(key.algorithm)
        if former is not None:
            self._changes.stop(former, KeyState.RETIRED)
        self._changes.audit("key.activated", origin)
        return self._changes.let_sign(key, terms)
