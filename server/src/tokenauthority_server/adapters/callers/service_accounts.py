"""Projected service-account tokens of a Kubernetes cluster, verified without asking it."""

import hashlib
import re
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import jwt

from tokenauthority_server.adapters.callers.jwks import ALGORITHMS
from tokenauthority_server.domain.errors import CallerUnknownError
from tokenauthority_tokens.keys import VerifyingKey

MAX_TOKENS: Final = 1024
"""That are remembered, about 200 kB: a call costs no check of a signature then. A pod has one for
about an hour."""

MAX_TOKEN_CHARACTERS: Final = 8 * 1024

# RFC 7515, section 7.1. The library takes padding too, and so a token in thousands of spellings.
_COMPACT: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")

_REQUIRED: Final = ("exp", "iss", "aud", "sub")


class ServiceAccountTokens:
    """Tells whose a token is, by the cluster's keys, its issuer and our audience.

    `leeway` is in seconds. With another set of keys it is made anew, so that nothing is remembered
    that they would not accept.
    """

    def __init__(
        self,
        keys: Mapping[str, VerifyingKey],
        *,
        issuer: str,
        audience: str,
        leeway: float,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._leeway = leeway
        self._now = now
        self._known: dict[bytes, tuple[str, float]] = {}

    def service_account(self, token: str) -> str:
        """Return `namespace/name` of a good token; raise CallerUnknownError for any other."""
        if len(token) > MAX_TOKEN_CHARACTERS:
            raise CallerUnknownError("the token is too long")
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        known = self._known.get(digest)
        if known is None:
            if not _COMPACT.fullmatch(token):
                raise CallerUnknownError("neither a caller key nor a service account's token")
            known = self._verify(token)
            if len(self._known) >= MAX_TOKENS:
                del self._known[next(iter(self._known))]
            self._known[digest] = known
        account, until = known
        if self._now() >= until:
            self._known.pop(digest, None)
            raise CallerUnknownError("the service account's token has expired")
        return account

    def _verify(self, token: str) -> tuple[str, float]:
        try:
            claims = self._claims(token)
            namespace, name = _named(claims)
            until = min(claims["exp"], 2**53) + self._leeway
        except (jwt.PyJWTError, ValueError, TypeError, KeyError, RecursionError) as error:
            # The class says what was wrong with it; the text might say a part of it.
            why = f"the service account's token is not good: {type(error).__name__}"
            raise CallerUnknownError(why) from None
        return f"{namespace}/{name}", until

    def _claims(self, token: str) -> dict[str, Any]:
        header = jwt.get_unverified_header(token)
        key = self._keys[header["kid"]]
        public: Any = key.key
        if header["alg"] != key.algorithm.name or header["alg"] not in ALGORITHMS:
            raise ValueError("another algorithm than the key's")
        claims: dict[str, Any] = jwt.decode(
            token,
            public,
            algorithms=[key.algorithm.name],
            issuer=self._issuer,
            audience=self._audience,
            leeway=self._leeway,
            options={"require": list(_REQUIRED)},
        )
        return claims


def _named(claims: Mapping[str, Any]) -> tuple[str, str]:
    """Return namespace and name; raise ValueError where the token's two ways to say it differ."""
    bound = claims["kubernetes.io"]
    namespace, name = bound["namespace"], bound["serviceaccount"]["name"]
    if claims["sub"] != f"system:serviceaccount:{namespace}:{name}":
        raise ValueError("the subject is another one")
    return namespace, name
