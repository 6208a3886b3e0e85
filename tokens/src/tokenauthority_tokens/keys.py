"""A key that verifies tokens, and a set of them as it was known at one moment."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import shake_256
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePublicNumbers,
)

from tokenauthority_tokens.algorithms import ES256, SignatureAlgorithm
from tokenauthority_tokens.jws import Header
from tokenauthority_tokens.values import TokenType


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VerifyingKey:
    """A key by its `kid`, with the one algorithm that it is for (RFC 8725, section 3.1).

    `key` is a public key of cryptography, or the bytes of a secret. Raises UnfitKeyError when it is
    not one of the algorithm's, or too weak. A revoked key tells its tokens from forged ones, and
    accepts neither.
    """

    key_id: str
    algorithm: SignatureAlgorithm
    key: object = field(repr=False)
    revoked: bool = False
    signature_bytes: int = field(init=False)
    _ceiling: bytes = field(init=False, repr=False)
    _decoy: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.algorithm.check(self.key)
        size = self.algorithm.signature_bytes(self.key)
        object.__setattr__(self, "signature_bytes", size)
        object.__setattr__(self, "_ceiling", self.algorithm.ceiling(self.key))
        # As irregular as a real one, and below the ceiling from whichever end it is read.
        decoy = b"\0" + shake_256(b"decoy").digest(size - 2) + b"\0"
        object.__setattr__(self, "_decoy", decoy)

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Return whether the signature is this key's over the message.

        The work depends on the length of the message alone. Of an ECDSA signature (r, s) the
        mirrored (r, -s) is accepted as well, as everywhere else: whoever mirrors it has a second
        spelling of the same token, with the same `jti`, and nothing is keyed by a token's bytes. So
        it is as alive, and as dead, as the original.
        """
        fits = self._fits(signature)
        scheme, key = self.algorithm.scheme, self.key
        return scheme.verify(message, key, signature if fits else self._decoy) and fits

    def spend(self, message: bytes) -> None:
        """Do the work of `verify`, for nothing."""
        self.algorithm.scheme.verify(message, self.key, self._decoy)

    def _fits(self, signature: bytes) -> bool:
        """Return whether it may be one of this key's: the scheme refuses others at a glance."""
        if len(signature) != self.signature_bytes:
            return False
        numbers, ceiling = self.algorithm.numbers(signature), self._ceiling
        # Of one length, so that bytes compare as the numbers do.
        return all(bytes(len(ceiling)) < number < ceiling for number in numbers)

    def header(self, token_type: TokenType) -> Header:
        """Return the header of the tokens of this key."""
        return Header(self.algorithm.name, self.key_id, token_type)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySet:
    """The keys that were known at one moment; never changed.

    `headers` holds the first part of every token that these keys sign, so that hardly any header
    has to be parsed. `decoy` is checked where a token names no key, so that this takes as long.
    """

    keys: Mapping[str, VerifyingKey]
    headers: Mapping[str, Header]
    decoy: VerifyingKey

    @classmethod
    def of(cls, keys: Iterable[VerifyingKey]) -> "KeySet":
        """Return the set, in which the first key is the usual one.

        Raises ValueError when two keys have one id (RFC 7517, section 4.5).
        """
        ordered = list(keys)
        by_id = {key.key_id: key for key in ordered}
        if len(by_id) != len(ordered):
            raise ValueError("two keys have the same id")
        headers = [key.header(token_type) for key in ordered for token_type in TokenType]
        return cls(
            keys=by_id,
            headers={header.segment(): header for header in headers},
            decoy=ordered[0] if ordered else _NOBODYS_KEY,
        )

    def find(self, header: Header) -> VerifyingKey | None:
        """Return the key of the header's `kid`, if the header's `alg` is the key's own."""
        key = self.keys.get(header.key_id)
        return key if key and key.algorithm.name == header.algorithm else None


def _nobodys_key() -> Any:
    # The base point of P-256, whose private key is 1. It is in no set, so it verifies nothing.
    x = 0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296
    y = 0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5
    return EllipticCurvePublicNumbers(x, y, SECP256R1()).public_key()


_NOBODYS_KEY: Final = VerifyingKey(key_id="", algorithm=ES256, key=_nobodys_key())
