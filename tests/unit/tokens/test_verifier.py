"""Of several reasons to refuse a token the first one is told, and no token makes it fail."""

from dataclasses import replace

import pytest
from support.key_pairs import make_pair
from unit.tokens.forging import (
    ACCESS,
    ACCESS_HEADER,
    ACCESS_PAYLOAD,
    AUDIENCE,
    ISSUER,
    KEY,
    KEYS,
    PAIRS,
    REFRESH,
    REFRESH_HEADER,
    REFRESH_PAYLOAD,
    VERIFIER,
    header_of,
    issued,
    issued_by,
    signed,
    verdict,
)

from tokenauthority_tokens.keys import KeySet
from tokenauthority_tokens.values import Claims, InactiveReason, TokenType
from tokenauthority_tokens.verifier import Verifier

OTHER = make_pair("ES256")
REVOKED = KeySet.of([replace(KEY.verifying, revoked=True)])
FAULTS: dict[InactiveReason, dict[str, object]] = {
    InactiveReason.MALFORMED: {"nbf": 1},
    InactiveReason.WRONG_ISSUER: {"iss": "other"},
    InactiveReason.WRONG_AUDIENCE: {"aud": "other"},
}
ORDER = [
    InactiveReason.MALFORMED,
    InactiveReason.UNKNOWN_KEY,
    InactiveReason.BAD_SIGNATURE,
    InactiveReason.KEY_REVOKED,
    InactiveReason.WRONG_ISSUER,
    InactiveReason.WRONG_AUDIENCE,
]


@pytest.mark.parametrize("claims", [ACCESS, REFRESH])
def test_a_good_token_of_each_type(claims: Claims) -> None:
    for pair in PAIRS.values():
        assert verdict(issued(claims, pair)) == issued_by(pair, claims)


def test_the_order_of_members_does_not_matter() -> None:
    header = dict(reversed(ACCESS_HEADER.items()))
    payload = dict(reversed(ACCESS_PAYLOAD.items()))
    assert verdict(signed(header, payload)) == ACCESS


def token_with(*faults: InactiveReason) -> str:
    payload = dict(ACCESS_PAYLOAD)
    for fault in faults:
        payload |= FAULTS.get(fault, {})
    header = dict(ACCESS_HEADER)
    if InactiveReason.UNKNOWN_KEY in faults:
        header["kid"] = OTHER.key_id
    return signed(header, payload, OTHER if InactiveReason.BAD_SIGNATURE in faults else KEY)


@pytest.mark.parametrize("first", range(len(ORDER)))
def test_of_several_reasons_the_first_one_is_told(first: int) -> None:
    faults = ORDER[first:]
    keys = REVOKED if InactiveReason.KEY_REVOKED in faults else KEYS
    assert verdict(token_with(*faults), keys) is faults[0]
    assert verdict(token_with(faults[0]), keys) is faults[0]


def test_a_revoked_key_is_told_to_none_but_the_bearer_of_its_tokens() -> None:
    assert verdict(issued(ACCESS), REVOKED) is InactiveReason.KEY_REVOKED
    forged = signed(ACCESS_HEADER, ACCESS_PAYLOAD, OTHER)
    assert verdict(forged, REVOKED) is InactiveReason.BAD_SIGNATURE


def test_each_type_has_an_audience_of_its_own() -> None:
    assert VERIFIER.audience(TokenType.ACCESS) == AUDIENCE
    assert VERIFIER.audience(TokenType.REFRESH) == ISSUER
    for header, payload in (
        (ACCESS_HEADER, ACCESS_PAYLOAD | {"aud": ISSUER}),
        (REFRESH_HEADER, REFRESH_PAYLOAD | {"aud": AUDIENCE}),
    ):
        assert verdict(signed(header, payload)) is InactiveReason.WRONG_AUDIENCE


def test_where_the_audience_is_the_issuer_the_types_are_still_told_apart() -> None:
    single = Verifier(issuer=ISSUER, audience=ISSUER)
    access = signed(ACCESS_HEADER, ACCESS_PAYLOAD | {"aud": ISSUER})
    assert single.verify(KEYS, access) == replace(ACCESS, audience=ISSUER)
    for header, payload in ((REFRESH_HEADER, ACCESS_PAYLOAD), (ACCESS_HEADER, REFRESH_PAYLOAD)):
        crossed = signed(header, payload | {"aud": ISSUER})
        assert single.verify(KEYS, crossed) is InactiveReason.MALFORMED


def test_without_keys_every_token_is_of_an_unknown_one_or_malformed() -> None:
    nothing = KeySet.of([])
    assert verdict(issued(ACCESS), nothing) is InactiveReason.UNKNOWN_KEY
    assert verdict("garbage", nothing) is InactiveReason.MALFORMED


def test_two_keys_with_one_id_are_refused() -> None:
    # Also where one of them is for another algorithm.
    for name in ("ES256", "EdDSA"):
        twin = replace(make_pair(name).verifying, key_id=KEY.key_id)
        with pytest.raises(ValueError, match="same id"):
            KeySet.of([KEY.verifying, twin])


def test_the_first_key_is_the_one_that_is_checked_for_nothing() -> None:
    for pair in PAIRS.values():
        others = [one for one in PAIRS.values() if one is not pair]
        keys = KeySet.of(one.verifying for one in (pair, *others))
        assert keys.decoy is pair.verifying
        # Even where that one key did sign it.
        header = {**header_of(pair), "kid": "unknown"}
        assert verdict(signed(header, ACCESS_PAYLOAD, pair), keys) is InactiveReason.UNKNOWN_KEY


def test_nothing_of_a_key_but_its_name_is_shown() -> None:
    for pair in PAIRS.values():
        shown = repr(pair.verifying)
        assert pair.key_id in shown
        assert " key=" not in shown
        assert "decoy" not in shown
    assert "0123456789abcdef" not in repr(KEYS)
