"""Verified tokens are remembered, so that the same signature is not checked twice."""

from collections.abc import Mapping
from sys import getsizeof
from typing import Final

from tokenauthority_server.adapters.jwt.keyring import KeyRing, KnownKeys
from tokenauthority_server.domain.ports import TokenVerifier
from tokenauthority_server.domain.tokens import Claims, TokenType, VerifiedToken
from tokenauthority_server.telemetry.verified_token_metrics import MemoryReading

MAX_TOKENS: Final = 50_000
MAX_BYTES: Final = 64 * 1024 * 1024
"""Of the two generations together: so many tokens with everything that is kept of them."""

_ENTRY_BYTES: Final = 400
"""What an entry takes beside its texts: the objects, and its place in the dictionary."""


class VerifiedTokens:
    """The ports TokenVerifier and TokenMemory: what it verifies it remembers.

    Nothing is remembered but good access tokens, each by all of its text, and only under the keys
    by which it was found good: when one of these dies or is exchanged, or another is added, all is
    forgotten. It is for one thread; the ring may be changed by any.

    Tokens are kept in two generations of half of the bounds each. What is asked for in the old one
    moves to the young one. When that is full the old one goes, and the young one is the old one.
    """

    def __init__(
        self,
        verifier: TokenVerifier,
        ring: KeyRing,
        *,
        max_tokens: int = MAX_TOKENS,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self._verifier = verifier
        self._ring = ring
        self._max_tokens = max_tokens // 2
        self._max_bytes = max_bytes // 2
        self._known: KnownKeys | None = None
        self._keys: Mapping[str, object] = {}
        self._young = _Generation()
        self._old = _Generation()
        self._hits = 0
        self._misses = 0
        self._evicted = 0

    def reading(self) -> MemoryReading:
        """Return what the metrics tell of it."""
        return MemoryReading(
            hits=self._hits,
            misses=self._misses,
            evicted=self._evicted,
            tokens=len(self._young.tokens) + len(self._old.tokens),
            size=self._young.size + self._old.size,
        )

    def verify(self, token: str) -> Claims:
        """See TokenVerifier.verify. It is done anew each time, and remembered when it went well."""
        # Taken first: where the ring is changed meanwhile, what is remembered is forgotten again.
        known = self._ring.current()
        claims = self._verifier.verify(token)
        if claims.token_type is TokenType.ACCESS:
            self._look_at(known)
            self.forget(token)
            self._put(token, VerifiedToken(claims, _size(token, claims)))
        return claims

    def recall(self, token: str) -> VerifiedToken | None:
        """See TokenMemory.recall."""
        known = self._ring.current()
        if known is not self._known:
            self._look_at(known)
        found = self._young.tokens.get(token)
        if found is None:
            found = self._old.take(token)
            if found is None:
                self._misses += 1
                return None
            self._put(token, found)
        self._hits += 1
        return found

    def forget(self, token: str) -> None:
        """See TokenMemory.forget."""
        if self._young.take(token) is None:
            self._old.take(token)

    def _put(self, token: str, found: VerifiedToken) -> None:
        young = self._young
        young.tokens[token] = found
        young.size += found.size
        if len(young.tokens) >= self._max_tokens or young.size >= self._max_bytes:
            self._evicted += len(self._old.tokens)
            self._old, self._young = young, _Generation()

    def _look_at(self, known: KnownKeys) -> None:
        """Forget everything when the keys are others; the ring is filled anew all the time."""
        if known is self._known:
            return
        keys = {one.key_id: one.key for one in known.verifying.keys.values() if not one.revoked}
        if keys != self._keys:
            self._young, self._old = _Generation(), _Generation()
        self._known, self._keys = known, keys


class _Generation:
    """Tokens, and the bytes that they take."""

    __slots__ = ("size", "tokens")

    def __init__(self) -> None:
        self.tokens: dict[str, VerifiedToken] = {}
        self.size = 0

    def take(self, token: str) -> VerifiedToken | None:
        """Remove the token, and return what is known of it."""
        found = self.tokens.pop(token, None)
        if found is not None:
            self.size -= found.size
        return found


def _size(token: str, claims: Claims) -> int:
    """Return what an entry takes.

    What is made of the claims and kept beside them is at most as long as the token.
    """
    lists = (claims.scope, claims.roles, claims.permissions)
    texts = (
        claims.user_id,
        claims.session_id,
        claims.token_id,
        claims.issuer,
        claims.audience,
        claims.device_id,
        claims.username,
        claims.email,
    )
    listed = sum(getsizeof(one) + sum(map(getsizeof, one)) for one in lists if one)
    return _ENTRY_BYTES + 2 * getsizeof(token) + sum(map(getsizeof, texts)) + listed
