"""The compact form in its one spelling, and a header of exactly three members."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.tokens.forging import ACCESS_HEADER, b64, segment

from tokenauthority_tokens import jws
from tokenauthority_tokens.jws import Header
from tokenauthority_tokens.values import MAX_TOKEN_BYTES, TokenType


@given(st.binary(max_size=60), st.binary(max_size=60), st.binary(max_size=60))
def test_parts_survive(header: bytes, payload: bytes, signature: bytes) -> None:
    token = f"{b64(header)}.{b64(payload)}.{b64(signature)}"
    parts = jws.split(token)
    assert (parts.header_segment, parts.payload, parts.signature) == (
        b64(header),
        payload,
        signature,
    )
    assert parts.signing_input == f"{b64(header)}.{b64(payload)}".encode()


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "AAAA",
        "AAAA.AAAA",
        "AAAA.AAAA.AAAA.AAAA",
        "AAAA.AAAA.AAAA.AAAA.AAAA",  # as many as a JWE has
        "." * MAX_TOKEN_BYTES,
        "AAAA.AAAA.AAAA=",
        "AAAA.QQ==.AAAA",
        "AAAA.QR.AAAA",
        "AAAA.AAAA.QR",
        "AAAA. AAAA.AAAA",
        "AAAA.AAAA.AAAA\n",
        "AAAA.AA+/.AAAA",
        "ÄÄÄÄ.AAAA.AAAA",
        "AAAA.AAAA.AAAA\u200b",
        "AAAA．AAAA．AAAA",  # noqa: RUF001 - full-width dots are the point
        '{"payload":"AAAA","protected":"AAAA","signature":"AAAA"}',
    ],
)
def test_every_other_form_is_refused(token: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        jws.split(token)


def test_headers_survive() -> None:
    for token_type in TokenType:
        header = Header("ES256", "key", token_type)
        assert jws.read_header(header.segment()) == header


def test_the_header_of_an_access_token() -> None:
    header = Header("ES256", str(ACCESS_HEADER["kid"]), TokenType.ACCESS)
    assert header.segment() == segment(ACCESS_HEADER)


@pytest.mark.parametrize(
    "header",
    [
        {},
        [],
        "null",
        b"",
        {"alg": "ES256"},
        {"alg": "ES256", "kid": "key"},
        {"alg": "ES256", "typ": "at+jwt"},
        {"kid": "key", "typ": "at+jwt"},
        {"alg": "ES256", "kid": "key", "typ": "at+jwt", "x": 1},
        {"alg": "ES256", "kid": "key", "typ": "at+jwt", "crit": ["exp"]},
        {"ALG": "ES256", "kid": "key", "typ": "at+jwt"},
        {"alg": None, "kid": "key", "typ": "at+jwt"},
        {"alg": ["ES256"], "kid": "key", "typ": "at+jwt"},
        {"alg": "ES256", "kid": 7, "typ": "at+jwt"},
        {"alg": "ES256", "kid": None, "typ": "at+jwt"},
        {"alg": "ES256", "kid": ["key"], "typ": "at+jwt"},
        {"alg": "ES256", "kid": {"kid": "key"}, "typ": "at+jwt"},
        {"alg": "ES256", "kid": "key", "typ": ["at+jwt"]},
        {"alg": "ES256", "kid": "key", "typ": "JWT"},
        {"alg": "ES256", "kid": "key", "typ": "at+JWT"},
        {"alg": "ES256", "kid": "key", "typ": "application/at+jwt"},
        {"alg": "ES256", "kid": "key", "typ": ""},
        '{"alg":"none","alg":"ES256","kid":"key","typ":"at+jwt"}',
        '{"alg":"ES256","kid":"key","typ":"rt+jwt","typ":"at+jwt"}',
    ],
)
def test_every_other_header_is_refused(header: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        jws.read_header(segment(header))


def test_no_part_of_a_token_is_shown() -> None:
    assert "AAAA" not in repr(jws.split("AAAA.AAAA.AAAA"))
