"""What is signed verifies, under the key that the claims name or not at all."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from support.key_pairs import pair_of
from unit.adapters.forging import CODEC, KEY, NOW, SYMMETRIC_KEY, codec, key_of, make_key, verdict
from unit.tokens.drawing import any_claims
from unit.tokens.forging import (
    ACCESS,
    ACCESS_HEADER,
    ACCESS_PAYLOAD,
    AUDIENCE,
    ISSUER,
    REFRESH,
    REFRESH_HEADER,
    REFRESH_PAYLOAD,
    segment,
    signed,
)

from tokenauthority_server.adapters.jwt.codec import TokenCodec
from tokenauthority_server.adapters.jwt.keyring import KeyRing
from tokenauthority_server.domain.errors import ProfileTooLargeError, StoreUnavailableError
from tokenauthority_server.domain.keys import KeyState
from tokenauthority_server.domain.ports import TokenSigner, TokenVerifier
from tokenauthority_server.domain.tokens import (
    Claims,
    InactiveReason,
    TokenRefusedError,
    TokenType,
)
from tokenauthority_tokens.algorithms import ALGORITHMS

SIGNER: TokenSigner = CODEC
VERIFIER: TokenVerifier = CODEC


@pytest.mark.parametrize("claims", [ACCESS, REFRESH])
def test_tokens_survive(claims: Claims) -> None:
    assert VERIFIER.verify(SIGNER.sign(claims)) == claims


@settings(max_examples=50)
@given(any_claims())
def test_any_claims_survive_with_our_issuer_and_audience(claims: Claims) -> None:
    audience = AUDIENCE if claims.token_type is TokenType.ACCESS else ISSUER
    expected = replace(claims, issuer=ISSUER, audience=audience, key_id=KEY.key_id)
    assert CODEC.verify(CODEC.sign(replace(claims, key_id=KEY.key_id))) == expected


def test_what_we_sign_has_the_header_and_the_payload_of_the_contract() -> None:
    for claims, header, payload in (
        (ACCESS, ACCESS_HEADER, ACCESS_PAYLOAD),
        (REFRESH, REFRESH_HEADER, REFRESH_PAYLOAD),
    ):
        assert CODEC.sign(claims).startswith(f"{segment(header)}.{segment(payload)}.")


def test_the_key_that_the_claims_name_signs_as_long_as_it_may() -> None:
    for state in (KeyState.PREPARED, KeyState.ACTIVE, KeyState.RETIRED):
        older = make_key(state=state, create_time=NOW - timedelta(days=1))
        both = codec(KEY, older)
        assert both.active_key_id() == KEY.key_id
        assert both.verify(both.sign(replace(ACCESS, key_id=older.key_id))).key_id == older.key_id


@pytest.mark.parametrize("key_id", ["", "unknown"])
def test_nothing_signs_in_the_place_of_a_key_that_is_not_known(key_id: str) -> None:
    assert not CODEC.may_sign(key_id, 0)
    with pytest.raises(StoreUnavailableError):
        CODEC.sign(replace(ACCESS, key_id=key_id))


def test_nothing_signs_in_the_place_of_a_revoked_key_nor_of_a_public_one() -> None:
    for key in (make_key(state=KeyState.REVOKED), replace(make_key(), signing=None)):
        both = codec(KEY, key)
        assert not both.may_sign(key.key_id, ACCESS.expire_time)
        assert both.active_key_id() == KEY.key_id
        with pytest.raises(StoreUnavailableError):
            both.sign(replace(ACCESS, key_id=key.key_id))


def test_no_key_signs_what_outlives_it() -> None:
    # A key is deleted when it is past its horizon, and no token may be left behind.
    until = codec(replace(KEY, signs_until=float(ACCESS.expire_time)))
    assert until.verify(until.sign(ACCESS)) == ACCESS
    with pytest.raises(StoreUnavailableError):
        until.sign(replace(ACCESS, expire_time=ACCESS.expire_time + 1))


@pytest.mark.parametrize("name", ALGORITHMS)
def test_every_algorithm_signs_and_verifies(name: str) -> None:
    key = key_of(pair_of(name))
    one = codec(key, algorithm=name)
    assert one.active_key_id() == key.key_id
    for claims in (ACCESS, REFRESH):
        expected = replace(claims, key_id=key.key_id)
        assert one.verify(one.sign(expected)) == expected


def test_hs256_signs_where_it_is_asked_for() -> None:
    active = replace(SYMMETRIC_KEY, state=KeyState.ACTIVE)
    symmetric = codec(active, KEY, algorithm="HS256")
    assert symmetric.active_key_id() == active.key_id
    token = symmetric.sign(replace(ACCESS, key_id=active.key_id))
    assert symmetric.verify(token) == replace(ACCESS, key_id=active.key_id)
    assert verdict(token) == replace(ACCESS, key_id=active.key_id)


def test_another_process_with_the_same_keys_verifies() -> None:
    assert codec(KEY).verify(CODEC.sign(ACCESS)) == ACCESS


def test_a_token_above_the_limit_is_never_minted() -> None:
    with pytest.raises(ProfileTooLargeError):
        CODEC.sign(replace(ACCESS, roles=("x" * 6100,)))


def test_nothing_is_known_before_the_keys_are() -> None:
    early = TokenCodec(KeyRing("ES256"), issuer=ISSUER, audience=AUDIENCE)
    with pytest.raises(StoreUnavailableError):
        early.active_key_id()
    with pytest.raises(StoreUnavailableError):
        early.sign(ACCESS)
    with pytest.raises(StoreUnavailableError):
        early.profile_budget("", ())
    for token in (CODEC.sign(ACCESS), "garbage", ""):
        with pytest.raises(StoreUnavailableError):
            early.verify(token)


def test_without_an_active_key_a_retired_one_still_signs_what_it_is_asked_for_again() -> None:
    retired = codec(replace(KEY, state=KeyState.RETIRED))
    assert retired.verify(retired.sign(ACCESS)) == ACCESS
    with pytest.raises(StoreUnavailableError):
        retired.active_key_id()


def test_what_verify_refuses_it_raises_with_the_reason() -> None:
    revoked = codec(replace(KEY, state=KeyState.REVOKED))
    assert verdict(CODEC.sign(ACCESS), revoked) is InactiveReason.KEY_REVOKED
    assert verdict("garbage") is InactiveReason.MALFORMED


@pytest.mark.parametrize(
    "token",
    ["user-1.%%%.x", signed(ACCESS_HEADER, {**ACCESS_PAYLOAD, "nbf": 1}), CODEC.sign(ACCESS)[:-1]],
)
def test_nothing_of_a_token_hangs_on_its_refusal(token: str) -> None:
    with pytest.raises(TokenRefusedError) as refusal:
        CODEC.verify(token)
    assert refusal.value.args == (InactiveReason.MALFORMED.value,)
    # The parsers' errors carry what they could not parse.
    assert refusal.value.__cause__ is None
    assert refusal.value.__context__ is None


def test_times_are_not_looked_at() -> None:
    long_ago = replace(ACCESS, issue_time=0, expire_time=1)
    assert CODEC.verify(CODEC.sign(long_ago)) == long_ago
    assert long_ago.expire_time < NOW.timestamp()
