"""The keys that this process knows, exchanged all at once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tokenauthority_server.adapters.jwt.jws import Header
from tokenauthority_server.adapters.jwt.keys import TokenKey
from tokenauthority_server.domain.errors import StoreUnavailableError
from tokenauthority_server.domain.keys import KeyState, PublicKey
from tokenauthority_server.domain.tokens import TokenType

_STORE: Final = "the store of the signing keys"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySet:
    """What was known at one moment; never changed.

    `headers` holds the first part of every token that these keys sign, so that hardly any header
    has to be parsed.
    """

    keys: Mapping[str, TokenKey]
    headers: Mapping[str, Header]
    active: TokenKey | None
    published: tuple[PublicKey, ...]

    def signer(self, key_id: str = "") -> TokenKey:
        """Return that key if it may sign, else the active one; raise StoreUnavailableError."""
        key = self.keys.get(key_id)
        if key is None or not key.may_sign:
            key = self.active
        if key is None:
            raise StoreUnavailableError(_STORE)
        return key


class KeyRing:
    """The port PublicKeys, and the keys for the codec. Nothing is known before `replace`.

    `algorithm` names the one that signs: of its active keys the newest. `fixed` are keys that come
    from the configuration and so are in every set.
    """

    def __init__(self, algorithm: str, fixed: Iterable[TokenKey] = ()) -> None:
        self.algorithm = algorithm
        self._fixed = tuple(fixed)
        self._current: KeySet | None = None

    def replace(self, keys: Iterable[TokenKey]) -> None:
        """Exchange all keys but the fixed ones; whoever verifies meanwhile keeps the former set.

        Raises ValueError when two keys have one id.
        """
        ordered = sorted((*self._fixed, *keys), key=lambda key: key.create_time, reverse=True)
        by_id = {key.key_id: key for key in ordered}
        if len(by_id) != len(ordered):
            raise ValueError("two signing keys have the same id")
        headers = [key.header(token_type) for key in ordered for token_type in TokenType]
        self._current = KeySet(
            keys=by_id,
            headers={header.segment(): header for header in headers},
            active=next((key for key in ordered if self._signs(key)), None),
            published=tuple(key.published() for key in ordered if key.jwk and key.may_sign),
        )

    def current(self) -> KeySet:
        """Return what is known; raise StoreUnavailableError before anything is."""
        if self._current is None:
            raise StoreUnavailableError(_STORE)
        return self._current

    def public_keys(self) -> Sequence[PublicKey]:
        """Return the keys that others may verify with, newest first; no symmetric or revoked one.

        Raises StoreUnavailableError before any key is known.
        """
        return self.current().published

    def _signs(self, key: TokenKey) -> bool:
        return key.state is KeyState.ACTIVE and key.algorithm.name == self.algorithm
