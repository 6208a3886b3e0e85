"""Keys that are none, or weak, or another algorithm's, verify nothing: they are refused."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa
from support.key_pairs import SECRET
from unit.tokens.forging import PAIRS, b64

from tokenauthority_tokens import base64url, jwk
from tokenauthority_tokens.algorithms import (
    ALGORITHMS,
    EDDSA,
    ES256,
    HS256,
    PS256,
    RS256,
    SignatureAlgorithm,
    UnfitKeyError,
    algorithm_of,
)
from tokenauthority_tokens.keys import VerifyingKey


def members_of(name: str) -> dict[str, Any]:
    key = PAIRS[name].verifying
    members: dict[str, Any] = json.loads(jwk.write(key.key, key.algorithm, key.key_id))
    return members


ES256_JWK, EDDSA_JWK, RS256_JWK = (members_of(name) for name in ("ES256", "EdDSA", "RS256"))


def point(x: int, y: int) -> dict[str, str]:
    return {"x": b64(x.to_bytes(32)), "y": b64(y.to_bytes(32))}


P = 2**256 - 2**224 + 2**192 + 2**96 - 1
WRONG_EC: Mapping[str, Mapping[str, object]] = {
    "another curve of its size": {"crv": "secp256k1"},
    "another curve": {"crv": "P-384"},
    "no such curve": {"crv": "P-257"},
    "a curve that is no text": {"crv": ["P-256"]},
    "not on the curve": point(1, 1),
    "infinity": point(0, 0),
    "beyond the field": point(P + 1, P + 1),
    "short x": {"x": b64(bytes(31))},
    "long x": {"x": b64(bytes(33))},
    "x of nothing": {"x": ""},
    "x as a number": {"x": 1},
    "x as null": {"x": None},
    "x as a list": {"x": ["AAAA"]},
    "x with padding": {"x": f"{ES256_JWK['x']}="},
    "x with a line end": {"x": f"{ES256_JWK['x']}\n"},
    "x with what decoders skip": {"x": f"{ES256_JWK['x'][:20]}!{ES256_JWK['x'][20:]}"},
    "x not ASCII": {"x": "é" * 43},
    "x and y exchanged": {"x": ES256_JWK["y"], "y": ES256_JWK["x"]},
}
WRONG_OKP: Mapping[str, Mapping[str, object]] = {
    "another curve": {"crv": "Ed448"},
    "a key for agreement": {"crv": "X25519"},
    "no such curve": {"crv": "ed25519"},
    "short x": {"x": b64(bytes(31))},
    "long x": {"x": b64(bytes(33))},
    "x as a number": {"x": 1},
    "x with padding": {"x": f"{EDDSA_JWK['x']}="},
    "x with a line end": {"x": f"{EDDSA_JWK['x']}\n"},
}
N = int.from_bytes(base64url.decode(RS256_JWK["n"]))


def number(value: int) -> str:
    return b64(value.to_bytes((value.bit_length() + 7) // 8 or 1))


WRONG_RSA: Mapping[str, Mapping[str, object]] = {
    "n of 2047 bits": {"n": number(N >> 1 | 1)},
    "n of 1024 bits": {"n": number(N >> 1024 | 1)},
    "n of zero": {"n": number(0)},
    "n of nothing": {"n": ""},
    "n of 8193 bits": {"n": number(1 << 8192 | 1)},
    "n as a number": {"n": 12345},
    "n with a zero before": {"n": b64(b"\0" + N.to_bytes(256))},
    "n with padding": {"n": f"{RS256_JWK['n']}=="},
    "e of one": {"e": number(1)},
    "e of three": {"e": number(3)},
    "e of 65535": {"e": number(65535)},
    "even e": {"e": number(65538)},
    "large e": {"e": number(2**32 + 1)},
    "e as long as n": {"e": number(N - 2)},
    "e above n": {"e": number(N + 2)},
    "e with zeroes before": {"e": b64(b"\0\0\1\0\1")},
    "e as a number": {"e": 65537},
    "no e": {"e": None},
}


@pytest.mark.parametrize(
    ("members", "changed"),
    [
        *((ES256_JWK, changed) for changed in WRONG_EC.values()),
        *((EDDSA_JWK, changed) for changed in WRONG_OKP.values()),
        *((RS256_JWK, changed) for changed in WRONG_RSA.values()),
    ],
    ids=[
        f"{kind} {form}"
        for kind, table in (("EC", WRONG_EC), ("OKP", WRONG_OKP), ("RSA", WRONG_RSA))
        for form in table
    ],
)
def test_keys_that_are_none_or_weak_are_refused(
    members: Mapping[str, object], changed: Mapping[str, object]
) -> None:
    with pytest.raises(UnfitKeyError, match=r"^(is|has) "):
        jwk.public_key(json.dumps({**members, **changed}))


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (ec.generate_private_key(ec.SECP384R1()).public_key(), ES256),
        (ec.generate_private_key(ec.SECP256K1()).public_key(), ES256),
        (ed448.Ed448PrivateKey.generate().public_key(), EDDSA),
        (rsa.RSAPublicNumbers(65537, N >> 1024 | 1).public_key(), RS256),
        (rsa.RSAPublicNumbers(65537, N >> 1 | 1).public_key(), PS256),
        (rsa.generate_private_key(public_exponent=3, key_size=2048).public_key(), RS256),
        (PAIRS["ES256"].private, ES256),
        (PAIRS["EdDSA"].verifying.key, ES256),
        (PAIRS["ES256"].verifying.key, EDDSA),
        (PAIRS["ES256"].verifying.key, RS256),
        (PAIRS["ES256"].verifying.key, HS256),
        (SECRET, ES256),
        (SECRET[:31], HS256),
        (SECRET.decode(), HS256),
        (b"", HS256),
        (None, HS256),
    ],
)
def test_a_key_that_is_not_the_algorithms_is_refused(
    key: object, algorithm: SignatureAlgorithm
) -> None:
    with pytest.raises(UnfitKeyError) as refused:
        VerifyingKey(key_id="key", algorithm=algorithm, key=key)
    assert SECRET[:31].decode() not in str(refused.value)


def test_the_algorithm_that_a_public_key_is_for_when_nothing_names_one() -> None:
    for name in ("ES256", "EdDSA", "RS256"):
        assert algorithm_of(PAIRS[name].verifying.key) is ALGORITHMS[name]
    for key in (ed448.Ed448PrivateKey.generate().public_key(), SECRET, None):
        with pytest.raises(UnfitKeyError, match="signs no tokens"):
            algorithm_of(key)
