"""Forged, broken and hostile tokens: each is refused, for its reason, and at no cost."""

import time
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.tokens.forging import (
    ACCESS,
    ACCESS_HEADER,
    ACCESS_PAYLOAD,
    AUDIENCE,
    ISSUER,
    REFRESH_HEADER,
    REFRESH_PAYLOAD,
    b64,
    issued,
    segment,
    signed,
    verdict,
)

from tokenauthority_tokens import base64url
from tokenauthority_tokens.values import MAX_TOKEN_BYTES, InactiveReason

MALFORMED = InactiveReason.MALFORMED
BAD_SIGNATURE = InactiveReason.BAD_SIGNATURE
WRONG_ISSUER = InactiveReason.WRONG_ISSUER
WRONG_AUDIENCE = InactiveReason.WRONG_AUDIENCE

GOOD = issued(ACCESS)
HEADER, PAYLOAD, SIGNATURE = GOOD.split(".")


def test_one_type_of_token_as_the_other() -> None:
    for header, payload in (
        (ACCESS_HEADER, REFRESH_PAYLOAD),
        (REFRESH_HEADER, ACCESS_PAYLOAD),
        (ACCESS_HEADER, {**ACCESS_PAYLOAD, "token_type": "refresh"}),
        (REFRESH_HEADER, {**REFRESH_PAYLOAD, "token_type": "access"}),
    ):
        assert verdict(signed(header, payload)) is MALFORMED


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("iss", ISSUER.upper(), WRONG_ISSUER),
        ("iss", ISSUER + "-staging", WRONG_ISSUER),
        ("iss", ISSUER[:-1], WRONG_ISSUER),
        ("iss", ISSUER + "/", WRONG_ISSUER),
        ("iss", [ISSUER], MALFORMED),
        ("iss", "", MALFORMED),
        ("aud", AUDIENCE.upper(), WRONG_AUDIENCE),
        ("aud", AUDIENCE + "-2", WRONG_AUDIENCE),
        ("aud", AUDIENCE[:-1], WRONG_AUDIENCE),
        ("aud", f"other {AUDIENCE}", WRONG_AUDIENCE),
        ("aud", ISSUER, WRONG_AUDIENCE),
        ("aud", [AUDIENCE], MALFORMED),
        ("aud", [AUDIENCE, "other"], MALFORMED),
        ("aud", {AUDIENCE: 1}, MALFORMED),
        ("aud", "", MALFORMED),
    ],
)
def test_another_issuer_or_audience(name: str, value: object, reason: InactiveReason) -> None:
    assert verdict(signed(ACCESS_HEADER, {**ACCESS_PAYLOAD, name: value})) is reason


@pytest.mark.parametrize("name", ["iat", "exp"])
@pytest.mark.parametrize(
    "value",
    ["1767227400", "", True, None, [], 1767227400.0, -1, 10**12, 10**400, "Infinity", float("inf")],
)
def test_times_that_are_none(name: str, value: object) -> None:
    assert verdict(signed(ACCESS_HEADER, {**ACCESS_PAYLOAD, name: value})) is MALFORMED


@pytest.mark.parametrize("name", ["iat", "exp", "sub", "jti", "session_id", "epoch"])
def test_a_claim_that_is_missing(name: str) -> None:
    payload = {one: value for one, value in ACCESS_PAYLOAD.items() if one != name}
    assert verdict(signed(ACCESS_HEADER, payload)) is MALFORMED


@pytest.mark.parametrize("value", [0, "never", 1_767_225_600, 4_102_444_800])
def test_not_before(value: object) -> None:
    assert verdict(signed(ACCESS_HEADER, {**ACCESS_PAYLOAD, "nbf": value})) is MALFORMED


def test_members_that_stand_twice() -> None:
    whole = base64url.decode(PAYLOAD).decode()
    for name, value in (("exp", "9999999999"), ("sub", '"root"'), ("jti", '"other"')):
        for twice in (f'{{"{name}":{value},{whole[1:]}', f'{whole[:-1]},"{name}":{value}}}'):
            assert verdict(signed(ACCESS_HEADER, twice)) is MALFORMED


def spellings() -> Mapping[str, str]:
    unused_bits = SIGNATURE[:-1] + chr(ord(SIGNATURE[-1]) + 1)
    return {
        "padding": GOOD + "==",
        "one sign of padding": GOOD + "=",
        "padding inside": f"{HEADER}=.{PAYLOAD}.{SIGNATURE}",
        "padding of the payload": f"{HEADER}.{PAYLOAD}==.{SIGNATURE}",
        "bits after the last byte": f"{HEADER}.{PAYLOAD}.{unused_bits}",
        "space before": " " + GOOD,
        "space after": GOOD + " ",
        "line end": GOOD + "\n",
        "line end inside": f"{HEADER}.{PAYLOAD[:20]}\n{PAYLOAD[20:]}.{SIGNATURE}",
        "tab": GOOD + "\t",
        "NUL": GOOD + "\0",
        "byte order mark": "\ufeff" + GOOD,
        "scheme": f"Bearer {GOOD}",
        "quotes": f'"{GOOD}"',
        "full-width dots": GOOD.replace(".", "\uff0e"),
        "dot before": "." + GOOD,
        "dot after": GOOD + ".",
        "two dots": GOOD.replace(".", ".."),
        "percent": GOOD.replace(".", "%2E"),
        "half a surrogate pair": GOOD + "\ud800",
        "soft hyphen": GOOD[:30] + "\u00ad" + GOOD[30:],
    }


@pytest.mark.parametrize(("way", "token"), spellings().items())
def test_other_spellings_of_a_good_token(way: str, token: str) -> None:
    assert token != GOOD
    assert verdict(token) is MALFORMED, way


def test_the_longest_token_is_looked_at_and_no_longer_one() -> None:
    longest = f"{HEADER}.{PAYLOAD}."
    longest += "A" * (MAX_TOKEN_BYTES - len(longest))
    longest = longest[: len(longest) - len(longest.rpartition(".")[2]) % 4]
    assert verdict(longest) is BAD_SIGNATURE
    assert verdict("A" * (MAX_TOKEN_BYTES + 1)) is MALFORMED
    padded = signed(ACCESS_HEADER, {**ACCESS_PAYLOAD, "roles": ["x" * 5700]})
    assert len(padded) > MAX_TOKEN_BYTES
    assert verdict(padded) is MALFORMED


def huge_tokens() -> Mapping[str, str]:
    size = 4 * 1024 * 1024
    return {
        "letters": "A" * size,
        "dots": "." * size,
        "a good start": f"{HEADER}.{PAYLOAD}.{'A' * size}",
        "a large payload": f"{HEADER}.{'A' * size}.{SIGNATURE}",
        "other letters": "é" * size,
        "brackets": f"{HEADER}.{segment('[' * 100_000)}.{SIGNATURE}",
    }


@pytest.mark.parametrize(("form", "token"), huge_tokens().items())
def test_huge_tokens_cost_nothing(form: str, token: str) -> None:
    start = time.process_time()
    for _ in range(100):
        assert verdict(token) is MALFORMED, form
    # 230 ms for a single one is what decoding four megabytes takes.
    assert time.process_time() - start < 0.1


@pytest.mark.parametrize("text", ["[" * 5900, '{"a":' * 1180, "[" * 2950 + "]" * 2950, "9" * 5900])
def test_what_fits_and_is_deep_or_long_is_refused(text: str) -> None:
    assert verdict(signed(ACCESS_HEADER, text)) is MALFORMED
    assert verdict(f"{segment(text)}.{PAYLOAD}.{SIGNATURE}") is MALFORMED


@given(st.text())
def test_any_text_is_refused(token: str) -> None:
    assert isinstance(verdict(token), InactiveReason)


@given(st.binary(max_size=100), st.binary(max_size=100), st.binary(max_size=100))
def test_any_parts_are_refused(header: bytes, payload: bytes, signature: bytes) -> None:
    assert verdict(f"{b64(header)}.{b64(payload)}.{b64(signature)}") is MALFORMED


@given(st.text('ABCxyz019-_.=+/ {}"', max_size=200))
def test_any_token_like_text_is_refused(token: str) -> None:
    assert verdict(token) is MALFORMED
