"""The examples of the standards: their signatures verify here, and their thumbprints are ours."""

import json
from collections.abc import Mapping

import pytest
from support.example_keys import (
    RFC_7515_A_1_SECRET,
    RFC_7515_A_2_KEY,
    RFC_7515_A_2_PRIVATE,
    RFC_7515_A_3_KEY,
    RFC_7515_A_3_PRIVATE,
    RFC_8037_A_1_PRIVATE,
    RFC_8037_A_2_KEY,
)

from tokenauthority_tokens import base64url, jwk, jws
from tokenauthority_tokens.algorithms import ALGORITHMS, EDDSA, ES256, HS256, RS256
from tokenauthority_tokens.keys import VerifyingKey

# RFC 7515, appendix A: one payload, signed in three ways.
JOE = (
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
)
RFC_7515_A_1_TOKEN = (
    f"eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.{JOE}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
)
RFC_7515_A_2_TOKEN = (
    f"eyJhbGciOiJSUzI1NiJ9.{JOE}."
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7"
    "AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4"
    "BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K"
    "0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqv"
    "hJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrB"
    "p0igcN_IoypGlUPQGe77Rw"
)
RFC_7515_A_3_TOKEN = (
    f"eyJhbGciOiJFUzI1NiJ9.{JOE}."
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSA"
    "pmWQxfKTUJqPP3-Kg6NU1Q"
)

# RFC 8037, appendix A.
RFC_8037_A_4_TOKEN = (
    "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
    "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5B"
    "hVsPt9g7sVvpAr_MuM0KAg"
)

RFC_7638_3_1_KEY = {
    "kty": "RSA",
    "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aP"
    "FFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl9"
    "3lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdA"
    "ZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3"
    "XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
    "e": "AQAB",
    "alg": "RS256",
    "kid": "2011-04-29",
}

PUBLIC = {
    "RFC 7515 A.2": (RFC_7515_A_2_TOKEN, RFC_7515_A_2_KEY, "RS256"),
    "RFC 7515 A.3": (RFC_7515_A_3_TOKEN, RFC_7515_A_3_KEY, "ES256"),
    "RFC 8037 A.4": (RFC_8037_A_4_TOKEN, RFC_8037_A_2_KEY, "EdDSA"),
}


def verifies(key: VerifyingKey, token: str) -> bool:
    parts = jws.split(token)
    return key.verify(parts.signing_input, parts.signature)


@pytest.mark.parametrize("where", PUBLIC)
def test_signatures_of_the_standards_verify(where: str) -> None:
    token, members, name = PUBLIC[where]
    key = jwk.public_key(json.dumps({**members, "kid": where}))
    assert (key.key_id, key.algorithm.name) == (where, name)
    assert verifies(key, token)
    header, payload, signature = token.split(".")
    assert not verifies(key, f"{header}.{payload[:-1]}A.{signature}")


def test_the_hmac_of_rfc_7515_a_1_verifies() -> None:
    secret = base64url.decode(RFC_7515_A_1_SECRET)
    key = VerifyingKey(key_id="A.1", algorithm=HS256, key=secret)
    assert verifies(key, RFC_7515_A_1_TOKEN)
    parts = jws.split(RFC_7515_A_1_TOKEN)
    assert HS256.scheme.sign(parts.signing_input, secret) == parts.signature


def test_the_signature_of_rfc_8037_a_4_is_what_its_private_key_makes() -> None:
    private = EDDSA.scheme.from_jwk(dict(RFC_8037_A_1_PRIVATE))
    parts = jws.split(RFC_8037_A_4_TOKEN)
    assert EDDSA.scheme.sign(parts.signing_input, private) == parts.signature


def test_the_signature_of_rfc_7515_a_2_is_what_its_private_key_makes() -> None:
    private = RS256.scheme.from_jwk(dict(RFC_7515_A_2_PRIVATE))
    parts = jws.split(RFC_7515_A_2_TOKEN)
    assert RS256.scheme.sign(parts.signing_input, private) == parts.signature


def test_what_the_private_key_of_rfc_7515_a_3_signs_verifies_by_its_public_one() -> None:
    private = ES256.scheme.from_jwk(dict(RFC_7515_A_3_PRIVATE))
    key = jwk.public_key(json.dumps({**RFC_7515_A_3_KEY, "kid": "A.3"}))
    assert key.verify(b"message", ES256.scheme.sign(b"message", private))


def test_no_example_is_a_token_of_ours() -> None:
    for token, _, _ in PUBLIC.values():
        with pytest.raises(ValueError, match="not exactly our members"):
            jws.read_header(token.split(".")[0])


@pytest.mark.parametrize(
    ("members", "algorithm", "expected"),
    [
        # RFC 7638, section 3.1, and RFC 8037, appendix A.3.
        (RFC_7638_3_1_KEY, RS256, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"),
        (RFC_8037_A_2_KEY, EDDSA, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"),
        # The key of RFC 7517, appendix A.1; its thumbprint was computed apart from this code.
        (
            {
                "kty": "EC",
                "crv": "P-256",
                "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
                "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
            },
            ES256,
            "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s",
        ),
    ],
)
def test_thumbprints(members: Mapping[str, str], algorithm: object, expected: str) -> None:
    known = next(one for one in ALGORITHMS.values() if one is algorithm)
    assert jwk.thumbprint(jwk.load(members, known), known) == expected
