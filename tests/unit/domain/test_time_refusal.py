"""A token's own times, compared with the verifier's clock."""

from hypothesis import given
from hypothesis import strategies as st

from tokenauthority_server.domain.tokens import (
    Claims,
    InactiveReason,
    TokenType,
    fingerprint,
    time_refusal,
)

CLAIMS = Claims(
    token_type=TokenType.ACCESS,
    user_id="u-ada",
    session_id="sess_1",
    token_id="token-1",
    issue_time=1_000,
    expire_time=2_000,
    epoch=0,
)


def test_a_token_is_good_from_its_issue_until_just_before_its_expiry() -> None:
    assert time_refusal(CLAIMS, now=999.9, leeway=0) is InactiveReason.NOT_YET_VALID
    assert time_refusal(CLAIMS, now=1_000, leeway=0) is None
    assert time_refusal(CLAIMS, now=1_999.9, leeway=0) is None
    assert time_refusal(CLAIMS, now=2_000, leeway=0) is InactiveReason.EXPIRED


def test_leeway_widens_both_ends() -> None:
    assert time_refusal(CLAIMS, now=994.9, leeway=5) is InactiveReason.NOT_YET_VALID
    assert time_refusal(CLAIMS, now=995, leeway=5) is None
    assert time_refusal(CLAIMS, now=2_004.9, leeway=5) is None
    assert time_refusal(CLAIMS, now=2_005, leeway=5) is InactiveReason.EXPIRED


@given(st.floats(0, 4_000), st.integers(0, 60), st.integers(0, 60))
def test_more_leeway_never_refuses_more(now: float, leeway: int, more: int) -> None:
    if time_refusal(CLAIMS, now=now, leeway=leeway) is None:
        assert time_refusal(CLAIMS, now=now, leeway=leeway + more) is None


def test_a_fingerprint_is_the_sha_256_of_the_id() -> None:
    # FIPS 180-2, the first example of SHA-256.
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert fingerprint("abc").hex() == expected
