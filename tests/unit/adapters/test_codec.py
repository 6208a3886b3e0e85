"""What is signed verifies, and of several reasons to refuse a token the first one is told."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from unit.adapters.forging import (
    ACCESS,
    ACCESS_HEADER,
    ACCESS_PAYLOAD,
    AUDIENCE,
    CODEC,
    ISSUER,
    KEY,
    NOW,
    REFRESH,
    REFRESH_HEADER,
    REFRESH_PAYLOAD,
    SYMMETRIC_KEY,
    codec,
    es256_key,
    segment,
    signed,
    verdict,
)
from unit.adapters.test_claims import any_claims

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

SIGNER: TokenSigner = CODEC
VERIFIER: TokenVerifier = CODEC


@pytest.mark.parametrize("claims", [ACCESS, REFRESH])
def test_tokens_survive(claims: Claims) -> None:
    assert VERIFIER.verify(SIGNER.sign(claims)) == claims


@settings(max_examples=50)
@given(any_claims())
def test_any_claims_survive_with_our_issuer_audience_and_key(claims: Claims) -> None:
    audience = AUDIENCE if claims.token_type is TokenType.ACCESS else ISSUER
    expected = replace(claims, issuer=ISSUER, audience=audience, key_id=KEY.key_id)
    assert CODEC.verify(CODEC.sign(claims)) == expected


def test_what_we_sign_has_the_header_and_the_payload_of_the_contract() -> None:
    for claims, header, payload in (
        (ACCESS, ACCESS_HEADER, ACCESS_PAYLOAD),
        (REFRESH, REFRESH_HEADER, REFRESH_PAYLOAD),
    ):
        assert CODEC.sign(claims).startswith(f"{segment(header)}.{segment(payload)}.")


def test_the_order_of_members_does_not_matter() -> None:
    header = dict(reversed(ACCESS_HEADER.items()))
    payload = dict(reversed(ACCESS_PAYLOAD.items()))
    assert verdict(signed(header, payload)) == ACCESS


def test_a_key_that_can_still_sign_is_used_when_it_is_asked_for() -> None:
    for state in (KeyState.PREPARED, KeyState.RETIRED):
        older = replace(es256_key(), state=state)
        both = codec(KEY, older)
        assert both.active_key_id() == KEY.key_id
        assert both.verify(both.sign(replace(ACCESS, key_id=older.key_id))).key_id == older.key_id


@pytest.mark.parametrize("key_id", ["", "unknown"])
def test_else_the_active_key_signs(key_id: str) -> None:
    assert CODEC.verify(CODEC.sign(replace(ACCESS, key_id=key_id))).key_id == KEY.key_id


def test_a_revoked_key_never_signs() -> None:
    revoked = replace(es256_key(), state=KeyState.REVOKED)
    both = codec(KEY, revoked)
    assert both.verify(both.sign(replace(ACCESS, key_id=revoked.key_id))).key_id == KEY.key_id


def test_hs256_signs_where_it_is_asked_for() -> None:
    active = replace(SYMMETRIC_KEY, state=KeyState.ACTIVE)
    symmetric = codec(active, KEY, algorithm="HS256")
    assert symmetric.active_key_id() == active.key_id
    token = symmetric.sign(replace(ACCESS, key_id=""))
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


def test_without_an_active_key_tokens_are_verified_and_not_signed() -> None:
    retired = codec(replace(KEY, state=KeyState.RETIRED))
    assert retired.verify(CODEC.sign(ACCESS)) == ACCESS
    with pytest.raises(StoreUnavailableError):
        retired.active_key_id()
    with pytest.raises(StoreUnavailableError):
        retired.sign(replace(ACCESS, key_id=""))


GOOD = CODEC.sign(ACCESS)
OTHER = es256_key()
REVOKED = replace(KEY, state=KeyState.REVOKED)
FAULTS: dict[InactiveReason, dict[str, object]] = {
    InactiveReason.MALFORMED: {"nbf": 1},
    InactiveReason.WRONG_ISSUER: {"iss": "other"},
    InactiveReason.WRONG_AUDIENCE: {"aud": "other"},
}


def token_with(*faults: InactiveReason) -> str:
    payload = dict(ACCESS_PAYLOAD)
    for fault in faults:
        payload |= FAULTS.get(fault, {})
    header = dict(ACCESS_HEADER)
    if InactiveReason.UNKNOWN_KEY in faults:
        header["kid"] = OTHER.key_id
    return signed(header, payload, OTHER if InactiveReason.BAD_SIGNATURE in faults else KEY)


ORDER = [
    InactiveReason.MALFORMED,
    InactiveReason.UNKNOWN_KEY,
    InactiveReason.BAD_SIGNATURE,
    InactiveReason.KEY_REVOKED,
    InactiveReason.WRONG_ISSUER,
    InactiveReason.WRONG_AUDIENCE,
]


@pytest.mark.parametrize("first", range(len(ORDER)))
def test_of_several_reasons_the_first_one_is_told(first: int) -> None:
    faults = ORDER[first:]
    verifier = codec(REVOKED if InactiveReason.KEY_REVOKED in faults else KEY)
    assert verdict(token_with(*faults), verifier) is faults[0]
    assert verdict(token_with(faults[0]), verifier) is faults[0]


def test_a_revoked_key_is_told_to_none_but_the_bearer_of_its_tokens() -> None:
    revoked = codec(REVOKED)
    assert verdict(CODEC.sign(ACCESS), revoked) is InactiveReason.KEY_REVOKED
    forged = signed(ACCESS_HEADER, ACCESS_PAYLOAD, OTHER)
    assert verdict(forged, revoked) is InactiveReason.BAD_SIGNATURE


def test_each_type_has_an_audience_of_its_own() -> None:
    for header, payload in (
        (ACCESS_HEADER, ACCESS_PAYLOAD | {"aud": ISSUER}),
        (REFRESH_HEADER, REFRESH_PAYLOAD | {"aud": AUDIENCE}),
    ):
        assert verdict(signed(header, payload)) is InactiveReason.WRONG_AUDIENCE


@pytest.mark.parametrize("token", ["user-1.%%%.x", token_with(InactiveReason.MALFORMED), GOOD[:-1]])
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
