"""The algorithm belongs to the key: no token chooses another one, and no public key is a secret."""

import hmac
from collections.abc import Mapping
from dataclasses import replace
from itertools import permutations

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from support.key_pairs import KeyPair
from unit.tokens.forging import (
    ACCESS,
    ACCESS_PAYLOAD,
    PAIRS,
    b64,
    header_of,
    issued,
    issued_by,
    segment,
    signed,
    verdict,
)

from tokenauthority_tokens import jwk
from tokenauthority_tokens.algorithms import ALGORITHMS
from tokenauthority_tokens.keys import KeySet, VerifyingKey
from tokenauthority_tokens.values import InactiveReason

UNKNOWN_KEY = InactiveReason.UNKNOWN_KEY
BAD_SIGNATURE = InactiveReason.BAD_SIGNATURE

PAIRS_OF_ALGORITHMS = list(permutations(PAIRS, 2))
OTHER_NAMES = ["HS384", "HS512", "ES384", "ES512", "ES256K", "RS384", "RS512", "PS384", "PS512"]
NO_ALGORITHM = ["none", "None", "NONE", "nOnE", "none ", "", "null"]
PUBLIC = [name for name, algorithm in ALGORITHMS.items() if not algorithm.is_symmetric]


@pytest.mark.parametrize("name", PAIRS)
def test_each_algorithm_verifies_what_its_key_signs(name: str) -> None:
    assert verdict(issued(ACCESS, PAIRS[name])) == issued_by(PAIRS[name])


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("alg", NO_ALGORITHM)
@pytest.mark.parametrize("with_signature", [False, True])
def test_no_algorithm(name: str, alg: str, with_signature: bool) -> None:  # noqa: FBT001
    token = signed({**header_of(PAIRS[name]), "alg": alg}, ACCESS_PAYLOAD, PAIRS[name])
    assert verdict(token if with_signature else f"{token.rpartition('.')[0]}.") is UNKNOWN_KEY


def test_no_algorithm_in_a_header_of_the_usual_form() -> None:
    for header in ({"alg": "none"}, {"alg": "none", "typ": "JWT"}):
        token = f"{segment(header)}.{segment(ACCESS_PAYLOAD)}."
        assert verdict(token) is InactiveReason.MALFORMED


@pytest.mark.parametrize("name", PAIRS)
def test_no_signature(name: str) -> None:
    header, payload, _ = issued(ACCESS, PAIRS[name]).split(".")
    assert verdict(f"{header}.{payload}.") is BAD_SIGNATURE


@pytest.mark.parametrize(("name", "other"), PAIRS_OF_ALGORITHMS)
def test_the_key_of_one_algorithm_under_the_name_of_another(name: str, other: str) -> None:
    header = {**header_of(PAIRS[name]), "alg": other}
    for signer in (PAIRS[name], PAIRS[other]):
        assert verdict(signed(header, ACCESS_PAYLOAD, signer)) is UNKNOWN_KEY


@pytest.mark.parametrize(("name", "other"), PAIRS_OF_ALGORITHMS)
def test_the_signature_of_one_key_under_the_name_of_another(name: str, other: str) -> None:
    forged = signed(header_of(PAIRS[name]), ACCESS_PAYLOAD, PAIRS[other])
    assert verdict(forged) is BAD_SIGNATURE


@pytest.mark.parametrize("name", PAIRS)
def test_a_name_that_is_not_exactly_the_keys_own(name: str) -> None:
    for alg in (*OTHER_NAMES, name.swapcase(), f"{name} ", f" {name}", f"{name}\0", name[:-1]):
        header = {**header_of(PAIRS[name]), "alg": alg}
        assert verdict(signed(header, ACCESS_PAYLOAD, PAIRS[name])) is UNKNOWN_KEY, alg


@pytest.mark.parametrize(("name", "other"), [("RS256", "PS256"), ("PS256", "RS256")])
def test_an_rsa_key_is_for_one_of_the_two_paddings(name: str, other: str) -> None:
    pair = PAIRS[name]
    padded_otherwise = KeyPair(replace(pair.verifying, algorithm=ALGORITHMS[other]), pair.private)
    keys = KeySet.of([pair.verifying])
    assert verdict(issued(ACCESS, padded_otherwise), keys) is UNKNOWN_KEY
    assert verdict(signed(header_of(pair), ACCESS_PAYLOAD, padded_otherwise), keys) is BAD_SIGNATURE
    # The signature itself is good, under its own name.
    assert verdict(issued(ACCESS, padded_otherwise), KeySet.of([padded_otherwise.verifying])) == (
        issued_by(pair)
    )


def encodings(key: VerifyingKey) -> Mapping[str, bytes]:
    """The public key as an attacker may find it, or make it of what they find."""
    public = key.key
    assert isinstance(public, EllipticCurvePublicKey | Ed25519PublicKey | RSAPublicKey)
    spki = PublicFormat.SubjectPublicKeyInfo
    pem = public.public_bytes(Encoding.PEM, spki)
    text = jwk.write(public, key.algorithm, key.key_id)
    found = {
        "pem": pem,
        "pem without its last line end": pem.rstrip(),
        "pem with other line ends": pem.replace(b"\n", b"\r\n"),
        "pem without its lines": b"".join(pem.splitlines()[1:-1]),
        "der": public.public_bytes(Encoding.DER, spki),
        "openssh": public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH),
        "jwk": text.encode(),
        "set of jwks": f'{{"keys":[{text}]}}'.encode(),
        "kid": key.key_id.encode(),
        "nothing": b"",
    }
    if isinstance(public, EllipticCurvePublicKey):
        point = public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        found |= {
            "point": point,
            "compressed": public.public_bytes(Encoding.X962, PublicFormat.CompressedPoint),
            "coordinates": point[1:],
            "x": point[1:33],
        }
    elif isinstance(public, Ed25519PublicKey):
        found["raw"] = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
    else:
        found |= {
            "pkcs 1 pem": public.public_bytes(Encoding.PEM, PublicFormat.PKCS1),
            "pkcs 1 der": public.public_bytes(Encoding.DER, PublicFormat.PKCS1),
            "modulus": public.public_numbers().n.to_bytes(256),
            "modulus in decimal": str(public.public_numbers().n).encode(),
        }
    return found


@pytest.mark.parametrize(
    ("name", "form", "secret"),
    [
        (name, form, secret)
        for name in PUBLIC
        for form, secret in encodings(PAIRS[name].verifying).items()
    ],
    # The keys are others in each run, and an id must not be.
    ids=lambda value: value if isinstance(value, str) else "bytes",
)
def test_a_public_key_as_a_secret(name: str, form: str, secret: bytes) -> None:
    key_ids = (PAIRS[name].key_id, PAIRS["HS256"].key_id)
    for alg in (name, "HS256", "HS384", "HS512"):
        for key_id in key_ids:
            header = {**header_of(PAIRS[name]), "alg": alg, "kid": key_id}
            signing_input = f"{segment(header)}.{segment(ACCESS_PAYLOAD)}"
            for digest in ("sha256", "sha384", "sha512"):
                forged = b64(hmac.digest(secret, signing_input.encode(), digest))
                reason = verdict(f"{signing_input}.{forged}")
                known = (key_id, alg) in {(PAIRS[one].key_id, one) for one in (name, "HS256")}
                assert reason is (BAD_SIGNATURE if known else UNKNOWN_KEY), form


def test_the_two_rsa_keys_are_not_the_same() -> None:
    # Or the tables above would prove less than they seem to.
    assert PAIRS["RS256"].key_id != PAIRS["PS256"].key_id
