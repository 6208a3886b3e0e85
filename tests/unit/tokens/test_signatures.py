"""Of every algorithm, whatever is not exactly a signature of the key is refused as a bad one."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateNumbers,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from jwt.algorithms import HMACAlgorithm
from support.key_pairs import SECRET, KeyPair, make_pair
from unit.tokens.forging import (
    ACCESS,
    KEY,
    PAIRS,
    REFRESH,
    b64,
    issued,
    issued_by,
    verdict,
)

from tokenauthority_tokens import base64url
from tokenauthority_tokens.algorithms import ALGORITHMS
from tokenauthority_tokens.keys import KeySet, VerifyingKey
from tokenauthority_tokens.values import InactiveReason

ORDER_OF_P256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
ORDER_OF_ED25519 = 2**252 + 0x14DEF9DEA2F79CD65812631A5CF5D3ED
FIELD_OF_ED25519 = 2**255 - 19


def split(name: str) -> tuple[str, bytes]:
    signing_input, _, signature = issued(ACCESS, PAIRS[name]).rpartition(".")
    return signing_input, base64url.decode(signature)


def for_all(name: str) -> Mapping[str, bytes]:
    signing_input, raw = split(name)
    return {
        "nothing": b"",
        "one byte": b"\0",
        "zeroes": bytes(len(raw)),
        "ones": b"\xff" * len(raw),
        "one": bytes(len(raw) - 1) + b"\1",
        "short": raw[:-1],
        "without its first byte": raw[1:],
        "zero before": b"\0" + raw,
        "zero after": raw + b"\0",
        "zero before, and as long": b"\0" + raw[:-1],
        "twice": raw * 2,
        "halves swapped": raw[len(raw) // 2 :] + raw[: len(raw) // 2],
        "backwards": raw[::-1],
        "in hexadecimal": raw.hex().encode(),
        "a hash": hashlib.sha256(signing_input.encode()).digest(),
        "the message": signing_input.encode(),
        "another token's": PAIRS[name].sign(b"another message"),
        "another key's": make_pair(name).sign(signing_input.encode()) if name != "HS256" else b"",
        "huge": bytes(5000),
    }


def for_es256() -> Mapping[str, bytes]:
    _, raw = split("ES256")
    r, s = int.from_bytes(raw[:32]), int.from_bytes(raw[32:])
    order = ORDER_OF_P256.to_bytes(32)
    return {
        "DER": encode_dss_signature(r, s),
        "r of zero": bytes(32) + raw[32:],
        "s of zero": raw[:32] + bytes(32),
        "r of the order": order + raw[32:],
        "s of the order": raw[:32] + order,
        "both of the order": order * 2,
        "s of the order and one": raw[:32] + (ORDER_OF_P256 + 1).to_bytes(32),
        "r mirrored": (ORDER_OF_P256 - r).to_bytes(32) + raw[32:],
        "wide": bytes(16) + raw[:32] + bytes(16) + raw[32:],
        "DER, and as long": encode_dss_signature(r, s)[:64],
    }


def for_eddsa() -> Mapping[str, bytes]:
    _, raw = split("EdDSA")
    point, s = raw[:32], int.from_bytes(raw[32:], "little")
    # The encodings of points of a small order, in their canonical and in other forms.
    small = {
        "0": bytes(32),
        "1": (1).to_bytes(32, "little"),
        "-1": (FIELD_OF_ED25519 - 1).to_bytes(32, "little"),
        "p": FIELD_OF_ED25519.to_bytes(32, "little"),
        "p and one": (FIELD_OF_ED25519 + 1).to_bytes(32, "little"),
        "1, with a sign": (1 | 1 << 255).to_bytes(32, "little"),
        "of order eight": bytes.fromhex(
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"
        ),
    }
    added = {
        f"s and {times} times the order": point
        + (s + times * ORDER_OF_ED25519).to_bytes(32, "little")
        for times in (1, 2, 8)
    }
    return {
        **{f"R of {name}": low + raw[32:] for name, low in small.items()},
        **{f"R of {name}, s of zero": low + bytes(32) for name, low in small.items()},
        **added,
        "s of the order": point + ORDER_OF_ED25519.to_bytes(32, "little"),
        "s of zero": point + bytes(32),
        "s mirrored": point + (ORDER_OF_ED25519 - s).to_bytes(32, "little"),
        "R with the other sign": point[:31] + bytes([point[31] ^ 0x80]) + raw[32:],
    }


def for_rsa(name: str) -> Mapping[str, bytes]:
    _, raw = split(name)
    public = PAIRS[name].verifying.key
    assert isinstance(public, RSAPublicKey)
    n, number = public.public_numbers().n, int.from_bytes(raw)
    return {
        "n": n.to_bytes(256),
        "n less one": (n - 1).to_bytes(256),
        "two": (2).to_bytes(256),
        "itself and n": (number + n).to_bytes(257),
        "mirrored": (n - number).to_bytes(256),
        "zeroes before": bytes(8) + raw,
    }


TABLES = {
    "ES256": {**for_all("ES256"), **for_es256()},
    "EdDSA": {**for_all("EdDSA"), **for_eddsa()},
    "RS256": {**for_all("RS256"), **for_rsa("RS256")},
    "PS256": {**for_all("PS256"), **for_rsa("PS256")},
    "HS256": for_all("HS256"),
}


def test_there_is_a_table_for_each_algorithm() -> None:
    assert TABLES.keys() == ALGORITHMS.keys()


@pytest.mark.parametrize(
    ("name", "form"), [(name, form) for name, table in TABLES.items() for form in table]
)
def test_wrong_signatures(name: str, form: str) -> None:
    signing_input, _ = split(name)
    assert verdict(f"{signing_input}.{b64(TABLES[name][form])}") is InactiveReason.BAD_SIGNATURE


def test_the_mirrored_signature_of_es256_is_the_same_token() -> None:
    signing_input, raw = split("ES256")
    mirrored = ORDER_OF_P256 - int.from_bytes(raw[32:])
    token = f"{signing_input}.{b64(raw[:32] + mirrored.to_bytes(32))}"
    assert token != f"{signing_input}.{b64(raw)}"
    assert verdict(token) == ACCESS


@pytest.mark.parametrize("name", PAIRS)
def test_no_bit_of_a_signature_can_be_changed(name: str) -> None:
    signing_input, raw = split(name)
    for bit in range(8 * len(raw)):
        changed = (int.from_bytes(raw) ^ (1 << bit)).to_bytes(len(raw))
        assert verdict(f"{signing_input}.{b64(changed)}") is InactiveReason.BAD_SIGNATURE


@pytest.mark.parametrize("bits", [2048, 2050, 2056, 3072])
@pytest.mark.parametrize("name", ["RS256", "PS256"])
def test_rsa_keys_of_other_sizes(name: str, bits: int) -> None:
    pair = make_pair(name, generate_private_key(public_exponent=65537, key_size=bits))
    keys = KeySet.of([pair.verifying])
    token = issued(ACCESS, pair)
    assert pair.verifying.signature_bytes == (bits + 7) // 8
    assert verdict(token, keys) == issued_by(pair)
    # The decoy is no signature either, and of a form that costs the whole of the work.
    pair.verifying.spend(b"message")
    assert verdict(issued(REFRESH, pair), keys) == issued_by(pair, REFRESH)
    assert verdict(f"{token[:-4]}AAAA", keys) is InactiveReason.BAD_SIGNATURE


def test_the_key_of_nobody_verifies_nothing_though_anyone_can_sign_with_it() -> None:
    # An empty set takes the point whose private key is one.
    empty = KeySet.of([])
    public = empty.decoy.key
    assert isinstance(public, EllipticCurvePublicKey)
    private = EllipticCurvePrivateNumbers(1, public.public_numbers()).private_key()
    assert isinstance(private.curve, SECP256R1)
    for key_id in ("", KEY.key_id):
        nobody = VerifyingKey(key_id=key_id, algorithm=ALGORITHMS["ES256"], key=public)
        token = issued(ACCESS, KeyPair(nobody, private))
        assert verdict(token, empty) is InactiveReason.UNKNOWN_KEY
        assert verdict(token) is (
            InactiveReason.BAD_SIGNATURE if key_id else InactiveReason.UNKNOWN_KEY
        )


class Gullible(HMACAlgorithm):
    """A scheme that is content with any signature."""

    def verify(self, msg: bytes, key: bytes, sig: bytes) -> bool:
        return (msg, key, len(sig)) == (b"message", SECRET, 32)


def test_a_decoy_proves_nothing_even_where_it_verifies() -> None:
    gullible = replace(ALGORITHMS["HS256"], scheme=Gullible(HMACAlgorithm.SHA256))
    key = VerifyingKey(key_id="key", algorithm=gullible, key=SECRET)
    assert key.verify(b"message", b"x" * 32)
    assert not key.verify(b"message", b"x" * 31)
