"""Whatever we accept, PyJWT accepts, and reads the same claims in it."""

import time
from dataclasses import replace
from random import Random
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.reference import second_opinion
from unit.tokens.drawing import any_claims
from unit.tokens.forging import (
    ACCESS,
    ACCESS_PAYLOAD,
    AUDIENCE,
    ISSUER,
    KEY,
    PAIRS,
    header_of,
    issued,
    issued_by,
    signed,
    verdict,
)
from unit.tokens.test_spellings import chances, spelt

from tokenauthority_tokens.values import Claims, InactiveReason, TokenType, unfit

names = st.sampled_from(list(PAIRS))


@given(any_claims(), names)
def test_tokens_of_any_claims_under_any_algorithm(claims: Claims, name: str) -> None:
    access = claims.token_type is TokenType.ACCESS
    ours = replace(claims, issuer=ISSUER, audience=AUDIENCE if access else ISSUER)
    token = issued(ours, PAIRS[name])
    read = verdict(token)
    assert read == issued_by(PAIRS[name], ours)
    assert second_opinion(token, PAIRS[name].verifying, issued_by(PAIRS[name], ours)) == ""


@given(chances, names)
def test_tokens_in_any_spelling(chance: Random, name: str) -> None:
    pair = PAIRS[name]
    token = signed(spelt(header_of(pair), chance), spelt(ACCESS_PAYLOAD, chance), pair)
    assert verdict(token) == issued_by(pair)
    assert second_opinion(token, pair.verifying, issued_by(pair)) == ""


@pytest.mark.parametrize("offset", [-4000, -3601, -3599, -1, 0, 1, 100])
def test_what_is_fit_now_is_fit_to_pyjwt(offset: int) -> None:
    now = int(time.time())
    claims = replace(ACCESS, issue_time=now + offset, expire_time=now + offset + 3600)
    token = issued(claims)
    material = KEY.private.public_key()
    for leeway in (0, 5):
        if unfit(claims, TokenType.ACCESS, now=now, leeway=leeway) is None:
            # A second may pass in between; nobody's clock is better than that.
            jwt.decode(
                token,
                material,
                algorithms=["ES256"],
                issuer=ISSUER,
                audience=AUDIENCE,
                leeway=leeway + 1,
            )


def test_the_second_opinion_sees_every_difference() -> None:
    token, key = issued(ACCESS), KEY.verifying
    assert second_opinion(token, key, ACCESS) == ""
    for other in (
        replace(ACCESS, user_id="root"),
        replace(ACCESS, expire_time=ACCESS.expire_time + 1),
        replace(ACCESS, key_id="other"),
        replace(ACCESS, token_type=TokenType.REFRESH),
        replace(ACCESS, issuer="other"),
        replace(ACCESS, audience="other"),
    ):
        assert second_opinion(token, key, other) != ""
    assert second_opinion(token, PAIRS["EdDSA"].verifying, ACCESS) != ""


def test_pyjwt_accepts_more_than_we_do() -> None:
    # Which is why its parsing is replaced.
    options: Any = {"verify_exp": False, "verify_iat": False, "verify_aud": False}
    untyped = signed({"alg": "ES256", "typ": "JWT"}, {"exp": "1767227400"})
    for accepted in (f"{issued(ACCESS)}==", untyped):
        material = KEY.private.public_key()
        assert jwt.decode(accepted, material, algorithms=["ES256"], options=options)
        assert verdict(accepted) is InactiveReason.MALFORMED
