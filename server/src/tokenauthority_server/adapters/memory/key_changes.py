"""The steps of which the changes of signing keys are made, in memory."""

from dataclasses import dataclass, replace
from datetime import datetime

from tokenauthority_server.adapters.memory.database import MemoryDatabase
from tokenauthority_server.adapters.memory.rows import AuditEvent
from tokenauthority_server.domain.keys import (
    KeyMaterial,
    KeyState,
    KeyTerms,
    SigningKey,
    StoredKey,
)
from tokenauthority_server.domain.revocations import Fact, FactKind, RevocationReason
from tokenauthority_server.domain.sessions import Origin


@dataclass(frozen=True, slots=True)
class KeyChanges:
    """One step each, at the time that it is."""

    database: MemoryDatabase

    def active(self, algorithm: str) -> SigningKey | None:
        """Return the key that signs with this algorithm."""
        return next(iter(self._of(algorithm, KeyState.ACTIVE)), None)

    def oldest_prepared(self, algorithm: str) -> SigningKey | None:
        """Return the prepared key of this algorithm that has been published for longest."""
        return next(iter(self._of(algorithm, KeyState.PREPARED)), None)

    def is_known(self, key: SigningKey, terms: KeyTerms) -> bool:
        """Tell whether no verifier can be without the key."""
        oldest = min(one.key.create_time for one in self.database.signing_keys.values())
        published_since = self.database.clock.now() - terms.published_for
        return key.create_time <= published_since or key.create_time == oldest

    def prepare(self, material: KeyMaterial, terms: KeyTerms, origin: Origin) -> SigningKey:
        """Add a key as PREPARED, with its event, and return it."""
        self.audit("key.prepared", origin)
        return self.add(material, terms)

    def add(self, material: KeyMaterial, terms: KeyTerms) -> SigningKey:
        """Add a key as PREPARED and return it."""
        now = self.database.clock.now()
        key = SigningKey(
            key_id=material.key_id,
            algorithm=material.algorithm,
            state=KeyState.PREPARED,
            create_time=now,
            last_expire_time=now + terms.horizon,
        )
        self.database.signing_keys[key.key_id] = StoredKey(key=key, material=material)
        return key

    def let_sign(self, key: SigningKey, terms: KeyTerms) -> SigningKey:
        """Make the key ACTIVE and return it."""
        now = self.database.clock.now()
        last = max(key.last_expire_time, now + terms.horizon)
        return self.put(
            replace(key, state=KeyState.ACTIVE, activate_time=now, last_expire_time=last)
        )

    def stop(self, key: SigningKey, state: KeyState) -> SigningKey:
        """Let the key sign no more, and return it."""
        now = self.database.clock.now()
        return self.put(replace(key, state=state, retire_time=key.retire_time or now))

    def put(self, key: SigningKey) -> SigningKey:
        """Write the key over the one of its id, and return it."""
        stored = self.database.signing_keys[key.key_id]
        self.database.signing_keys[key.key_id] = replace(stored, key=key)
        return key

    def count_sessions(self, key_id: str) -> int:
        """Return how many sessions hang on the key: live ones, but for the key itself."""
        return sum(
            row.grant.key_id == key_id and self.database.session_is_live_but_for_its_key(row)
            for row in self.database.sessions.values()
        )

    def put_fact(self, key_id: str, expire_time: datetime) -> bool:
        """Write the fact that the key is revoked; return whether that is new."""
        reason = RevocationReason.KEY_REVOKED
        fact = Fact(kind=FactKind.KEY, user_id="", target=key_id, reason=reason)
        known = self.database.key_is_revoked(key_id)
        former = self.database.facts.get(("", FactKind.KEY, key_id))
        self.database.put_fact(
            fact, max(expire_time, former.expire_time) if former else expire_time
        )
        return not known

    def note_sessions(self, key_id: str, origin: Origin, *, is_new: bool) -> int:
        """Return how many sessions hang on the key; where that is new, write it down."""
        ended = self.count_sessions(key_id)
        if is_new and ended:
            self.database.count("", "", "bulk_revoked", ended)
            self.audit("key.sessions_revoked", origin)
        return ended

    def audit(self, kind: str, origin: Origin) -> None:
        """Write an event, which is nobody's."""
        reason = RevocationReason.KEY_REVOKED if kind.endswith("revoked") else None
        self.database.audit_events.append(
            AuditEvent(
                time=self.database.clock.now(), kind=kind, origin=origin, user_id="", reason=reason
            )
        )

    def _of(self, algorithm: str, state: KeyState) -> list[SigningKey]:
        """Return the keys of this algorithm in this state, oldest first."""
        keys = [one.key for one in self.database.signing_keys.values()]
        return sorted(
            (one for one in keys if one.algorithm == algorithm and one.state is state),
            key=lambda one: (one.create_time, one.key_id),
        )
