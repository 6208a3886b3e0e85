"""What a token is fit for by itself: its type, and its times against the verifier's clock."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tokenauthority_tokens.values import Claims, InactiveReason, TokenType, unfit

CLAIMS = Claims(
    token_type=TokenType.ACCESS,
    user_id="u-ada",
    session_id="sess_1",
    token_id="token-1",
    issue_time=1_000,
    expire_time=2_000,
    epoch=0,
)


def refusal(*, now: float, leeway: int) -> InactiveReason | None:
    return unfit(CLAIMS, TokenType.ACCESS, now=now, leeway=leeway)


def test_a_token_is_good_from_its_issue_until_just_before_its_expiry() -> None:
    assert refusal(now=999.9, leeway=0) is InactiveReason.NOT_YET_VALID
    assert refusal(now=1_000, leeway=0) is None
    assert refusal(now=1_999.9, leeway=0) is None
    assert refusal(now=2_000, leeway=0) is InactiveReason.EXPIRED


def test_leeway_widens_both_ends() -> None:
    assert refusal(now=994.9, leeway=5) is InactiveReason.NOT_YET_VALID
    assert refusal(now=995, leeway=5) is None
    assert refusal(now=2_004.9, leeway=5) is None
    assert refusal(now=2_005, leeway=5) is InactiveReason.EXPIRED


@given(st.floats(0, 4_000), st.integers(0, 60), st.integers(0, 60))
def test_more_leeway_never_refuses_more(now: float, leeway: int, more: int) -> None:
    if refusal(now=now, leeway=leeway) is None:
        assert refusal(now=now, leeway=leeway + more) is None


def test_a_token_of_the_other_type_is_of_the_wrong_type_at_any_time() -> None:
    for one in TokenType:
        claims = replace(CLAIMS, token_type=one)
        for other in TokenType:
            for now in (0, 1_500, 9_000):
                reason = unfit(claims, other, now=now, leeway=0)
                assert (reason is InactiveReason.WRONG_TYPE) == (one is not other)
