"""Of the platform's old tokens exactly those are accepted that it issues for access."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from jwt.algorithms import HMACAlgorithm
from support.old_tokens import (
    AUDIENCE,
    HEADER,
    ISSUE_TIME,
    ISSUER,
    PAYLOAD,
    SECRET,
    b64,
    old_token,
    segment,
    signed,
    without,
)

from tokenauthority_server.adapters.legacy.tokens import LEGACY_KEY_ID, OldTokens, has_old_form
from tokenauthority_server.domain.tokens import (
    MAX_TOKEN_BYTES,
    Claims,
    InactiveReason,
    TokenType,
)
from tokenauthority_tokens.algorithms import HS256, UnfitKeyError
from tokenauthority_tokens.values import MAX_EPOCH

MALFORMED = InactiveReason.MALFORMED
BAD_SIGNATURE = InactiveReason.BAD_SIGNATURE
OLD = OldTokens(SECRET.encode(), issuer=ISSUER, audience=AUDIENCE)
GOOD = old_token()
GOOD_CLAIMS = Claims(
    token_type=TokenType.ACCESS,
    user_id="17",
    session_id="sess_" + "s" * 43,
    token_id="j" * 43,
    issue_time=ISSUE_TIME,
    expire_time=ISSUE_TIME + 1800,
    epoch=MAX_EPOCH,
    profile_epoch=MAX_EPOCH,
    issuer=ISSUER,
    audience=AUDIENCE,
    key_id=LEGACY_KEY_ID,
    device_id="laptop",
    scope=("api",),
    username="ann",
    email="ann@example.com",
    roles=("admin",),
    permissions=("containers.read", "containers.stop"),
)


def test_the_platforms_tokens_are_accepted_with_all_that_they_say() -> None:
    assert OLD.verify(GOOD) == GOOD_CLAIMS


@pytest.mark.parametrize(
    "header", [{"alg": "HS256"}, {"alg": "HS256", "typ": "JWT"}, {"typ": "JWT", "alg": "HS256"}]
)
def test_each_header_that_libraries_write_is_taken(header: Mapping[str, str]) -> None:
    token = signed(header, PAYLOAD)
    assert has_old_form(token)
    assert OLD.verify(token) == GOOD_CLAIMS


def test_a_library_that_leaves_out_the_type_is_among_them() -> None:
    token = jwt.encode(dict(PAYLOAD), SECRET, algorithm="HS256", headers={"typ": None})
    assert jwt.get_unverified_header(token) == {"alg": "HS256"}
    assert OLD.verify(token) == GOOD_CLAIMS


OPTIONAL = ("username", "email", "roles", "permissions", "session_id", "device_id", "scope")


@pytest.mark.parametrize("name", OPTIONAL)
def test_what_may_be_absent_may_be_left_out_or_be_empty(name: str) -> None:
    is_list = isinstance(PAYLOAD[name], list)
    claims: dict[str, Any] = {name: () if is_list else ""}
    absent = replace(GOOD_CLAIMS, **claims)
    assert OLD.verify(signed(HEADER, without(name))) == absent
    assert OLD.verify(signed(HEADER, {**PAYLOAD, name: [] if is_list else ""})) == absent


def test_the_order_of_claims_does_not_matter() -> None:
    assert OLD.verify(signed(HEADER, dict(reversed(list(PAYLOAD.items()))))) == GOOD_CLAIMS


@pytest.mark.parametrize("name", ["sub", "token_type", "iat", "exp", "iss", "aud", "jti"])
def test_a_claim_that_is_missing(name: str) -> None:
    assert OLD.verify(signed(HEADER, without(name))) is MALFORMED
    assert OLD.verify(signed(HEADER, {**PAYLOAD, name: ""})) is MALFORMED
    assert OLD.verify(signed(HEADER, {**PAYLOAD, name: None})) is MALFORMED


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("nbf", 0),
        ("nbf", ""),
        ("crit", []),
        ("epoch", 3),
        ("profile_epoch", 3),
        ("kid", "legacy"),
        ("admin", True),
    ],
)
def test_a_claim_that_the_platform_does_not_write(name: str, value: object) -> None:
    assert OLD.verify(signed(HEADER, {**PAYLOAD, name: value})) is MALFORMED


@pytest.mark.parametrize("value", [17, True, None, [], ["17"], {"a": 1}, "a\0b", "\ud800"])
@pytest.mark.parametrize("name", ["sub", "jti", "iss", "session_id", "device_id", "username"])
def test_a_text_that_is_none(name: str, value: object) -> None:
    assert OLD.verify(signed(HEADER, {**PAYLOAD, name: value})) is MALFORMED


@pytest.mark.parametrize(
    "value", ["api read", 1, None, {}, {"api": 1}, [1], [None], [["api"]], 0, False]
)
@pytest.mark.parametrize("name", ["scope", "roles", "permissions"])
def test_a_list_that_is_none(name: str, value: object) -> None:
    assert OLD.verify(signed(HEADER, {**PAYLOAD, name: value})) is MALFORMED


@pytest.mark.parametrize("value", ["refresh", "Access", "access ", 1, ["access"], "id"])
def test_a_refresh_token_of_the_old_form_is_none_for_access(value: object) -> None:
    assert OLD.verify(signed(HEADER, {**PAYLOAD, "token_type": value})) is MALFORMED


@pytest.mark.parametrize("name", ["iat", "exp"])
@pytest.mark.parametrize(
    "value",
    [str(ISSUE_TIME), "", True, None, [], float(ISSUE_TIME), -1, 10**12, 10**400, float("inf")],
)
def test_times_that_are_none(name: str, value: object) -> None:
    assert OLD.verify(signed(HEADER, {**PAYLOAD, name: value})) is MALFORMED


@pytest.mark.parametrize(
    ("lifetime", "accepted"), [(-1, False), (0, True), (24 * 3600, True), (24 * 3600 + 1, False)]
)
def test_no_token_outlives_the_facts_about_its_user(lifetime: int, accepted: bool) -> None:  # noqa: FBT001 - a case
    found = OLD.verify(old_token(exp=ISSUE_TIME + lifetime))
    assert isinstance(found, Claims) == accepted
    assert accepted or found is MALFORMED


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("iss", ISSUER.upper(), InactiveReason.WRONG_ISSUER),
        ("iss", ISSUER + "/", InactiveReason.WRONG_ISSUER),
        ("iss", ISSUER[:-1], InactiveReason.WRONG_ISSUER),
        ("iss", [ISSUER], MALFORMED),
        ("aud", AUDIENCE + "-2", InactiveReason.WRONG_AUDIENCE),
        ("aud", f"other {AUDIENCE}", InactiveReason.WRONG_AUDIENCE),
        ("aud", ISSUER, InactiveReason.WRONG_AUDIENCE),
        ("aud", [AUDIENCE], MALFORMED),
        ("aud", [AUDIENCE, "other"], MALFORMED),
    ],
)
def test_another_issuer_or_audience(name: str, value: object, reason: InactiveReason) -> None:
    assert OLD.verify(signed(HEADER, {**PAYLOAD, name: value})) is reason


def hostile_headers() -> Mapping[str, object]:
    return {
        "none": {"alg": "none"},
        "none in capitals": {"alg": "NONE", "typ": "JWT"},
        "HS384": {"alg": "HS384", "typ": "JWT"},
        "RS256": {"alg": "RS256", "typ": "JWT"},
        "ES256": {"alg": "ES256", "typ": "JWT"},
        "another case": {"alg": "hs256", "typ": "JWT"},
        "another type": {"alg": "HS256", "typ": "at+jwt"},
        "the type in small letters": {"alg": "HS256", "typ": "jwt"},
        "our own form": {"alg": "HS256", "kid": "legacy", "typ": "at+jwt"},
        "a key's id": {**HEADER, "kid": "legacy"},
        "a key": {**HEADER, "jwk": {"kty": "oct", "k": "AA"}},
        "a key's address": {**HEADER, "jku": "https://example.com/keys"},
        "a certificate": {**HEADER, "x5c": ["AA"]},
        "critical": {**HEADER, "crit": ["exp"]},
        "not base64": {**HEADER, "b64": False},
        "content type": {**HEADER, "cty": "JWT"},
        "a list of algorithms": {"alg": ["HS256"], "typ": "JWT"},
        "an algorithm twice": '{"alg":"none","alg":"HS256","typ":"JWT"}',
        "white space": '{"alg": "HS256", "typ": "JWT"}',
        "an escape": r'{"alg":"HS25\u0036","typ":"JWT"}',
        "nothing": {},
        "a list": ["alg", "HS256"],
        "no JSON": "HS256",
    }


@pytest.mark.parametrize(("name", "header"), hostile_headers().items())
def test_any_other_header_is_not_even_looked_at(name: str, header: object) -> None:
    token = signed(header, PAYLOAD)
    assert not has_old_form(token), name
    assert OLD.verify(token) is MALFORMED


@pytest.mark.parametrize("signature", ["", b64(b""), b64(bytes(32))])
def test_a_token_without_a_signature(signature: str) -> None:
    head = GOOD.rpartition(".")[0]
    assert OLD.verify(f"{head}.{signature}") is BAD_SIGNATURE


def test_a_signature_by_another_secret_or_over_something_else() -> None:
    head, _, signature = GOOD.rpartition(".")
    for token in (
        old_token(SECRET[::-1]),
        old_token(SECRET + "x"),
        f"{segment(HEADER)}.{segment({**PAYLOAD, 'sub': '1'})}.{signature}",
        GOOD[:-3],
        f"{head}.{b64(bytes(31))}",
        f"{head}.{b64(bytes(33))}",
        f"{head}.{signature}AAAA",
        f"{head}.{'A' * 4000}",
    ):
        assert OLD.verify(token) is BAD_SIGNATURE


def test_a_token_that_rsa_signed_is_none_though_its_header_were_changed() -> None:
    key = generate_private_key(public_exponent=65537, key_size=2048)
    token = jwt.encode(dict(PAYLOAD), key, algorithm="RS256")
    assert OLD.verify(token) is MALFORMED
    _, payload, signature = token.split(".")
    assert OLD.verify(f"{segment(HEADER)}.{payload}.{signature}") is BAD_SIGNATURE


def test_of_several_reasons_the_first_one_is_told() -> None:
    other = "x" + SECRET
    elsewhere: dict[str, Any] = {"iss": "other", "aud": "other"}
    assert OLD.verify(old_token(other, nbf=1, **elsewhere)) is MALFORMED
    assert OLD.verify(old_token(other, **elsewhere)) is BAD_SIGNATURE
    assert OLD.verify(old_token(**elsewhere)) is InactiveReason.WRONG_ISSUER


def test_members_that_stand_twice() -> None:
    whole = json.dumps(dict(PAYLOAD))
    for name, value in (("exp", "9999999999"), ("sub", '"1"'), ("jti", '"other"')):
        for twice in (f'{{"{name}":{value},{whole[1:]}', f'{whole[:-1]},"{name}":{value}}}'):
            assert OLD.verify(signed(HEADER, twice)) is MALFORMED


def other_spellings() -> Mapping[str, str]:
    head, payload, signature = GOOD.split(".")
    return {
        "padding": GOOD + "=",
        "padding of the payload": f"{head}.{payload}==.{signature}",
        "bits after the last byte": GOOD[:-1] + chr(ord(GOOD[-1]) + 1),
        "space before": " " + GOOD,
        "space after": GOOD + " ",
        "line end": GOOD + "\n",
        "scheme": f"Bearer {GOOD}",
        "dot after": GOOD + ".",
        "two parts": f"{head}.{payload}",
        "five parts": f"{GOOD}.{payload}.{signature}",
        "one part": head,
        "standard alphabet": f"{head}.{payload}.{'+/' * 21}A",
        "half a surrogate pair": GOOD + "\ud800",
        "another script": f"{head}.{payload}é.{signature}",
        "nothing": "",
    }


@pytest.mark.parametrize(("way", "token"), other_spellings().items())
def test_other_spellings_of_a_good_token(way: str, token: str) -> None:
    assert OLD.verify(token) is MALFORMED, way


def test_the_size_comes_first() -> None:
    roles = ["x" * 100] * 55
    token = old_token(roles=roles)
    assert 7_000 < len(token) <= MAX_TOKEN_BYTES
    assert OLD.verify(token) == replace(GOOD_CLAIMS, roles=tuple(roles))
    too_long = old_token(roles=roles * 2)
    assert not has_old_form(too_long)
    assert OLD.verify(too_long) is MALFORMED


@pytest.mark.parametrize("secret", ["", "x" * 31])
def test_a_short_secret_verifies_nothing(secret: str) -> None:
    with pytest.raises(UnfitKeyError):
        OldTokens(secret.encode(), issuer=ISSUER, audience=AUDIENCE)


class Weighing(HMACAlgorithm):
    """HS256 that says how many bytes it was given to hash."""

    def __init__(self) -> None:
        super().__init__(HMACAlgorithm.SHA256)
        self.weights: list[int] = []

    def sign(self, msg: bytes, key: bytes) -> bytes:
        self.weights.append(len(msg))
        return super().sign(msg, key)


def broken_tokens() -> list[str]:
    head, payload, signature = GOOD.split(".")
    return [
        GOOD,
        old_token(SECRET[::-1]),
        old_token(iss="wokedack"),
        old_token(token_type="assecc"),
        f"{head}.{'!' * len(payload)}.{signature}",
        f"{head}.{'A' * len(payload)}.{signature}",
        f"{head}.{payload}.{'*' * len(signature)}",
        f"{head}.{payload}.{signature[:20]}.{signature[21:]}",
        f"{head}.{payload}é{signature}",
    ]


@pytest.mark.parametrize("token", broken_tokens())
def test_whatever_is_wrong_costs_one_hmac_over_the_length(token: str) -> None:
    scheme = Weighing()
    old = OldTokens(SECRET.encode(), issuer=ISSUER, audience=AUDIENCE)
    old._key = replace(old._key, algorithm=replace(HS256, scheme=scheme))
    assert len(token) == len(GOOD)
    old.verify(token)
    (weight,) = scheme.weights
    # The signature is hashed along where its beginning is not known: less than a block.
    assert 0 <= weight - len(GOOD.rpartition(".")[0]) < 64


@pytest.mark.parametrize("token", [GOOD, "", "no token", old_token("x" + SECRET)])
def test_no_secret_shows(token: str) -> None:
    found = OLD.verify(token)
    assert SECRET not in repr(OLD) + repr(found) + repr(OLD._key)
