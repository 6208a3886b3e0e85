"""The keys that this process knows, exchanged all at once."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import structlog

from tokenauthority_server.adapters.jwt.keys import TokenKey
from tokenauthority_server.domain.errors import StoreUnavailableError
from tokenauthority_server.domain.keys import KeyState, PublicKey
from tokenauthority_tokens.keys import KeySet

_log: structlog.typing.FilteringBoundLogger = structlog.get_logger()

STORE: Final = "the store of the signing keys"


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownKeys:
    """What was known at one moment; never changed."""

    keys: Mapping[str, TokenKey]
    verifying: KeySet
    active: TokenKey | None
    published: tuple[PublicKey, ...]

    def signer(self) -> TokenKey:
        """Return the key that signs what is new; raise StoreUnavailableError without one."""
        if self.active is None:
            raise StoreUnavailableError(STORE)
        return self.active

    def signer_of(self, key_id: str) -> TokenKey:
        """Return this key; raise StoreUnavailableError where it is not known, or may not sign."""
        key = self.keys.get(key_id)
        if key is None or not key.may_sign:
            raise StoreUnavailableError(STORE)
        return key


class KeyRing:
    """The port PublicKeys, and the keys for the codec. Nothing is known before `replace`.

    `algorithm` names the one that signs: of its active keys the newest. While it has none, as after
    a change of the algorithm until the new key has been published for long enough, the newest one
    of any other goes on. Where `stored_keys_sign` is false only configured ones do.
    """

    def __init__(self, algorithm: str, *, stored_keys_sign: bool = True) -> None:
        self.algorithm = algorithm
        self._stored_keys_sign = stored_keys_sign
        self._current: KnownKeys | None = None

    def replace(
        self,
        keys: Iterable[TokenKey],
        *,
        configured: Sequence[TokenKey] = (),
        revoked: Collection[str] = (),
    ) -> None:
        """Exchange all keys; whoever verifies meanwhile keeps the former set.

        `configured` are those that a setting or a folder brings: an active one of them signs rather
        than a stored one. `revoked` are the ids of those that verify nothing any more, whatever
        their own state says. Raises ValueError when two keys have one id.
        """
        first, others = (
            [_revoked(key) if _is_revoked(key, revoked) else key for key in some]
            for some in (configured, keys)
        )
        ordered = sorted((*first, *others), key=lambda key: key.create_time, reverse=True)
        signers = (*first, *ordered) if self._stored_keys_sign else first
        candidates = [key for key in signers if _is_active(key)]
        active = next((key for key in candidates if self._is_ours(key)), None)
        active = active or next(iter(candidates), None)
        usual_first = sorted(ordered, key=lambda key: key is not active)
        self._tell(active)
        self._current = KnownKeys(
            keys={key.key_id: key for key in ordered},
            verifying=KeySet.of(key.verifying for key in usual_first),
            active=active,
            published=tuple(key.published() for key in ordered if _is_published(key)),
        )

    def current(self) -> KnownKeys:
        """Return what is known; raise StoreUnavailableError before anything is."""
        if self._current is None:
            raise StoreUnavailableError(STORE)
        return self._current

    def public_keys(self) -> Sequence[PublicKey]:
        """Return the keys that others may verify with, newest first; no symmetric or revoked one.

        Raises StoreUnavailableError before any key is known.
        """
        return self.current().published

    def _tell(self, active: TokenKey | None) -> None:
        """Log that no key signs, once, and which one does."""
        former = self._current.active if self._current else None
        if active is None and (former or not self._current):
            _log.error("no key signs: no pair can be created or refreshed")
        elif active and (former is None or former.key_id != active.key_id):
            _log.info("a key signs from now on", key_id=active.key_id)

    def _is_ours(self, key: TokenKey) -> bool:
        return key.verifying.algorithm.name == self.algorithm


def _is_active(key: TokenKey) -> bool:
    return key.state is KeyState.ACTIVE and key.may_sign


def _is_published(key: TokenKey) -> bool:
    return bool(key.jwk) and key.state is not KeyState.REVOKED


def _is_revoked(key: TokenKey, revoked: Collection[str]) -> bool:
    return key.state is KeyState.REVOKED or key.key_id in revoked


def _revoked(key: TokenKey) -> TokenKey:
    return replace(key, state=KeyState.REVOKED, verifying=replace(key.verifying, revoked=True))
