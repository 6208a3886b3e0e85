"""What the domain's errors say, and what they must not."""

from tokenauthority_server.domain.errors import (
    AuthorityError,
    InvalidRequestError,
    OverloadedError,
    StoreUnavailableError,
    TemporaryError,
    Violation,
)
from tokenauthority_server.domain.tokens import InactiveReason, TokenRefusedError


def test_an_invalid_request_names_every_fault() -> None:
    faults = (Violation("user_id", "must not be empty"), Violation("scope", "too many"))
    error = InvalidRequestError(*faults)
    assert error.violations == faults
    assert str(error) == "user_id: must not be empty; scope: too many"


def test_what_passes_says_when_to_ask_again() -> None:
    for error in (StoreUnavailableError("PostgreSQL"), OverloadedError()):
        assert isinstance(error, TemporaryError)
        assert isinstance(error, AuthorityError)
        assert error.retry_after_seconds > 0


def test_a_lost_store_is_named() -> None:
    error = StoreUnavailableError("PostgreSQL")
    assert error.store == "PostgreSQL"
    assert str(error) == "PostgreSQL is unavailable"


def test_a_refused_token_says_why_and_is_no_fault_of_the_call() -> None:
    error = TokenRefusedError(InactiveReason.EXPIRED)
    assert error.reason is InactiveReason.EXPIRED
    assert str(error) == "EXPIRED"
    assert not isinstance(error, AuthorityError)
