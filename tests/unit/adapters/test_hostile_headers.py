"""Headers that choose their own algorithm or key: each is refused, for its reason."""

import gc
import hmac
import tracemalloc
from collections.abc import Mapping

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from unit.adapters.forging import (
    ACCESS,
    ACCESS_HEADER,
    ACCESS_PAYLOAD,
    CODEC,
    KEY,
    SYMMETRIC_KEY,
    b64,
    segment,
    signed,
    verdict,
)

from tokenauthority_server.domain.tokens import InactiveReason

MALFORMED = InactiveReason.MALFORMED
UNKNOWN_KEY = InactiveReason.UNKNOWN_KEY
BAD_SIGNATURE = InactiveReason.BAD_SIGNATURE

GOOD = CODEC.sign(ACCESS)
HEADER, PAYLOAD, SIGNATURE = GOOD.split(".")


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", "none ", "", "null"])
@pytest.mark.parametrize("signature", ["", SIGNATURE])
def test_no_algorithm(alg: str, signature: str) -> None:
    header = segment({**ACCESS_HEADER, "alg": alg})
    assert verdict(f"{header}.{PAYLOAD}.{signature}") is UNKNOWN_KEY


def test_no_algorithm_in_a_header_of_the_usual_form() -> None:
    for header in ({"alg": "none"}, {"alg": "none", "typ": "JWT"}):
        assert verdict(f"{segment(header)}.{PAYLOAD}.") is MALFORMED


def test_no_signature() -> None:
    assert verdict(f"{HEADER}.{PAYLOAD}.") is BAD_SIGNATURE


def public_key_as_secrets() -> Mapping[str, bytes]:
    public = KEY.verifying
    assert isinstance(public, ec.EllipticCurvePublicKey)
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    point = public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return {
        "pem": pem,
        "pem without its last line end": pem.rstrip(),
        "der": public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        "openssh": public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH),
        "point": point,
        "compressed point": public.public_bytes(Encoding.X962, PublicFormat.CompressedPoint),
        "coordinates": point[1:],
        "jwk": KEY.jwk.encode(),
        "kid": KEY.key_id.encode(),
        "nothing": b"",
    }


@pytest.mark.parametrize(("form", "secret"), public_key_as_secrets().items())
@pytest.mark.parametrize("alg", ["HS256", "HS384", "HS512", "ES256"])
@pytest.mark.parametrize("key_id", [KEY.key_id, SYMMETRIC_KEY.key_id])
def test_the_public_key_as_a_secret(form: str, secret: bytes, alg: str, key_id: str) -> None:
    signing_input = f"{segment({**ACCESS_HEADER, 'alg': alg, 'kid': key_id})}.{PAYLOAD}"
    for digest in ("sha256", "sha384", "sha512"):
        forged = b64(hmac.digest(secret, signing_input.encode(), digest))
        reason = verdict(f"{signing_input}.{forged}")
        assert reason in {UNKNOWN_KEY, BAD_SIGNATURE}, form


@pytest.mark.parametrize(
    "alg", ["HS256", "ES384", "ES512", "ES256K", "RS256", "PS256", "EdDSA", "es256", "ES256 "]
)
def test_another_algorithm_than_the_keys_own(alg: str) -> None:
    assert verdict(signed({**ACCESS_HEADER, "alg": alg}, ACCESS_PAYLOAD)) is UNKNOWN_KEY


def test_the_symmetric_key_under_the_other_algorithms_name() -> None:
    header = {**ACCESS_HEADER, "kid": SYMMETRIC_KEY.key_id}
    assert verdict(signed(header, ACCESS_PAYLOAD, SYMMETRIC_KEY)) is UNKNOWN_KEY


@pytest.mark.parametrize(
    "extra",
    [
        {"jwk": {"kty": "oct", "k": "AAAA"}},
        {"jku": "https://attacker.example/keys"},
        {"x5u": "https://attacker.example/cert"},
        {"x5c": ["AAAA"]},
        {"x5t": "AAAA"},
        {"crit": ["b64"], "b64": False},
        {"crit": []},
        {"b64": False},
        {"b64": True},
        {"zip": "DEF"},
        {"cty": "JWT"},
        {"enc": "A256GCM"},
        {"p2c": 2_000_000_000},
        {"url": "https://attacker.example"},
        {"": ""},
    ],
)
def test_anything_else_in_the_header(extra: dict[str, object]) -> None:
    assert verdict(signed({**ACCESS_HEADER, **extra}, ACCESS_PAYLOAD)) is MALFORMED


def test_other_serializations() -> None:
    flattened = f'{{"protected":"{HEADER}","payload":"{PAYLOAD}","signature":"{SIGNATURE}"}}'
    general = f'{{"payload":"{PAYLOAD}","signatures":[{{"protected":"{HEADER}"}}]}}'
    encrypted = f"{segment({'alg': 'dir', 'enc': 'A256GCM'})}..AAAA.AAAA.AAAA"
    unencoded = f"{HEADER}..{SIGNATURE}"
    nested = signed({**ACCESS_HEADER, "cty": "JWT"}, GOOD)
    nested_plainly = signed(ACCESS_HEADER, GOOD)
    for token in (flattened, general, encrypted, unencoded, nested, nested_plainly):
        assert verdict(token) is MALFORMED


@pytest.mark.parametrize("kid", [7, None, True, [], {}, [KEY.key_id], {"kid": KEY.key_id}])
def test_a_key_id_that_is_no_text(kid: object) -> None:
    assert verdict(signed({**ACCESS_HEADER, "kid": kid}, ACCESS_PAYLOAD)) is MALFORMED


def test_no_key_id() -> None:
    header = {name: value for name, value in ACCESS_HEADER.items() if name != "kid"}
    assert verdict(signed(header, ACCESS_PAYLOAD)) is MALFORMED


@pytest.mark.parametrize(
    "kid",
    [
        "",
        "x" * 4000,
        "../../../../dev/null",
        "/proc/self/environ",
        "' OR 1=1; DROP TABLE signing_keys; --",
        "| id",
        "http://attacker.example/key",
        "\0",
        f"{KEY.key_id}\0",
        f"{KEY.key_id} ",
        KEY.key_id.swapcase(),
        KEY.key_id[:-1],
        "日本",
        "\ud800",
    ],
)
def test_a_key_id_that_is_not_ours(kid: str) -> None:
    assert verdict(signed({**ACCESS_HEADER, "kid": kid}, ACCESS_PAYLOAD)) is UNKNOWN_KEY


def test_a_key_id_of_10_kb() -> None:
    assert verdict(signed({**ACCESS_HEADER, "kid": "x" * 10_000}, ACCESS_PAYLOAD)) is MALFORMED


def test_ten_thousand_unknown_keys_leave_nothing_behind() -> None:
    tokens = [
        f"{segment({**ACCESS_HEADER, 'kid': f'key-{number}'})}.{PAYLOAD}.{SIGNATURE}"
        for number in range(10_000)
    ]
    tracemalloc.start()
    try:
        # Python keeps some freed objects for later: the first tokens fill that store.
        assert all(verdict(token) is UNKNOWN_KEY for token in tokens[:2000])
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        assert all(verdict(token) is UNKNOWN_KEY for token in tokens[2000:])
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # A single word for each of the eight thousand would be more.
    assert after - before < 50_000
