"""Token ids that every process derives alike (HMAC-SHA256, RFC 2104)."""

import hmac
from collections.abc import Sequence
from typing import Final

from tokenauthority_server.adapters.sealing import EncryptionKeys
from tokenauthority_tokens import base64url

_ACCESS_LABEL: Final = "tokenauthority access token of generation "


class DerivedTokenIds:
    """The port TokenIds: first and successive refresh ids each under keys of their own label."""

    __slots__ = ("_first_keys", "_successor_keys")

    def __init__(self, keys: EncryptionKeys) -> None:
        self._first_keys = keys.derive("first refresh token ids")
        self._successor_keys = keys.derive("successive refresh token ids")

    def first(self, session_id: str) -> Sequence[str]:
        """Return the ids of the session's first refresh token, the one for new tokens first."""
        return [_mac(key, session_id) for key in self._first_keys]

    def successor(self, token_id: str) -> Sequence[str]:
        """Return the ids of the refresh token after this one, the one for new tokens first."""
        return [_mac(key, token_id) for key in self._successor_keys]

    def access(self, refresh_token_id: str, generation: int) -> str:
        """Return the id of the access token that is paired with this refresh token.

        The refresh token's id is itself 32 bytes that nobody guesses without our key, and so serves
        as the key here. A derived key of ours would give another id for the same pair as soon as
        another KEY_ENCRYPTION_KEY came first, between a refresh and its replay.
        """
        return _mac(refresh_token_id.encode(), f"{_ACCESS_LABEL}{generation}")


def _mac(key: bytes, message: str) -> str:
    return base64url.encode(hmac.digest(key, message.encode(), "sha256"))
