"""Keys, rings and codecs of the server, for the tokens of unit.tokens.forging."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from support.key_pairs import SECRET, KeyPair, make_pair
from unit.tokens import forging
from unit.tokens.forging import (
    ACCESS,
    ACCESS_HEADER,
    ACCESS_PAYLOAD,
    AUDIENCE,
    ISSUER,
    REFRESH,
    REFRESH_HEADER,
    REFRESH_PAYLOAD,
    b64,
    segment,
    signed,
)

from tokenauthority_server.adapters.jwt.codec import TokenCodec
from tokenauthority_server.adapters.jwt.keyring import KeyRing
from tokenauthority_server.adapters.jwt.keys import TokenKey, symmetric_key
from tokenauthority_server.adapters.sealing import EncryptionKeys
from tokenauthority_server.domain.keys import KeyState
from tokenauthority_server.domain.tokens import Claims, InactiveReason, TokenRefusedError
from tokenauthority_tokens import jwk

__all__ = [
    "ACCESS",
    "ACCESS_HEADER",
    "ACCESS_PAYLOAD",
    "AUDIENCE",
    "ISSUER",
    "REFRESH",
    "REFRESH_HEADER",
    "REFRESH_PAYLOAD",
    "SECRET",
    "b64",
    "segment",
    "signed",
]

NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)
ENCRYPTION_KEYS: Final = EncryptionKeys([bytes(range(32))])


def key_of(
    pair: KeyPair, state: KeyState = KeyState.ACTIVE, create_time: datetime = NOW
) -> TokenKey:
    """The pair as the ring holds it."""
    verifying = pair.verifying
    return TokenKey(
        verifying=verifying,
        state=state,
        jwk=""
        if verifying.algorithm.is_symmetric
        else jwk.write(verifying.key, verifying.algorithm, verifying.key_id),
        create_time=create_time,
        activate_time=create_time,
        signing=pair.private,
    )


def make_key(
    algorithm: str = "ES256", state: KeyState = KeyState.ACTIVE, create_time: datetime = NOW
) -> TokenKey:
    """A new key of the algorithm, any but HS256."""
    return key_of(make_pair(algorithm), state, create_time)


KEY: Final = key_of(forging.KEY)
SYMMETRIC_KEY: Final = symmetric_key(SECRET, KeyState.RETIRED)


def ring_of(
    *keys: TokenKey, algorithm: str = "ES256", configured: Sequence[TokenKey] = ()
) -> KeyRing:
    ring = KeyRing(algorithm)
    ring.replace(keys or (KEY, SYMMETRIC_KEY), configured=configured)
    return ring


def codec(
    *keys: TokenKey, algorithm: str = "ES256", configured: Sequence[TokenKey] = ()
) -> TokenCodec:
    ring = ring_of(*keys, algorithm=algorithm, configured=configured)
    return TokenCodec(ring, issuer=ISSUER, audience=AUDIENCE)


RING: Final = ring_of()
CODEC: Final = TokenCodec(RING, issuer=ISSUER, audience=AUDIENCE)


def verdict(token: str, verifier: TokenCodec = CODEC) -> Claims | InactiveReason:
    """The claims, or why the token is refused; any other exception is a failure of the test."""
    try:
        return verifier.verify(token)
    except TokenRefusedError as error:
        return error.reason
