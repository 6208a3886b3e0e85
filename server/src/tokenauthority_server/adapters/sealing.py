"""What KEY_ENCRYPTION_KEY protects: keys derived from it by label, and values sealed under them."""

import os
from collections.abc import Sequence
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES: Final = 32
_VERSION: Final = b"\x01"
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16


class UnsealError(ValueError):
    """A sealed value was altered, belongs elsewhere, or was sealed under a key that is not here."""

    def __init__(self) -> None:
        super().__init__("no key opens the sealed value")


class EncryptionKeys:
    """The keys of KEY_ENCRYPTION_KEY: the first one seals, all of them open.

    They are never used themselves: each purpose has keys of its own, derived by its label, so that
    nothing made for one purpose means anything to another.
    """

    __slots__ = ("_keys",)

    def __init__(self, keys: Sequence[bytes]) -> None:
        """Raise ValueError unless there is a key and each has KEY_BYTES bytes."""
        if not keys or any(len(key) != KEY_BYTES for key in keys):
            raise ValueError(f"KEY_ENCRYPTION_KEY must be one or more keys of {KEY_BYTES} bytes")
        self._keys = tuple(keys)

    def __repr__(self) -> str:
        return "EncryptionKeys()"

    def derive(self, label: str) -> tuple[bytes, ...]:
        """Return a key of 32 bytes for each of ours, in their order (HKDF-SHA256, RFC 5869)."""
        info = f"tokenauthority {label}".encode()
        return tuple(
            HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info).derive(key)
            for key in self._keys
        )

    def sealer(self, label: str) -> "Sealer":
        """Return the sealer for this purpose."""
        return Sealer(self.derive(label))


class Sealer:
    """Seals values of one purpose with AES-256-GCM (NIST SP 800-38D).

    A sealed value is a version byte, a random nonce, and the ciphertext with its tag. Random nonces
    are safe for 2^32 values under one key.
    """

    __slots__ = ("_ciphers",)

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._ciphers = tuple(AESGCM(key) for key in keys)

    def __repr__(self) -> str:
        return "Sealer()"

    def seal(self, value: bytes, context: bytes) -> bytes:
        """Return the sealed value, which opens only with the same context."""
        nonce = os.urandom(_NONCE_BYTES)
        return _VERSION + nonce + self._ciphers[0].encrypt(nonce, value, _VERSION + context)

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """Return the value; raise UnsealError when no key opens it."""
        return self._opened(sealed, context)[0]

    def is_current(self, sealed: bytes, context: bytes) -> bool:
        """Return whether it is the first key that opens the value; raise UnsealError for none."""
        return self._opened(sealed, context)[1] == 0

    def _opened(self, sealed: bytes, context: bytes) -> tuple[bytes, int]:
        head, nonce = sealed[:1], sealed[1 : 1 + _NONCE_BYTES]
        ciphertext = sealed[1 + _NONCE_BYTES :]
        if head != _VERSION or len(ciphertext) < _TAG_BYTES:
            raise UnsealError
        for number, cipher in enumerate(self._ciphers):
            try:
                return cipher.decrypt(nonce, ciphertext, _VERSION + context), number
            except InvalidTag:
                continue
        raise UnsealError
