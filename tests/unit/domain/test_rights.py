"""A right that was not given is refused, with its name."""

import pytest

from tokenauthority_server.domain.callers import EVERY_RIGHT, Rights
from tokenauthority_server.domain.errors import CallerNotAllowedError
from tokenauthority_server.domain.revocations import RevocationReason


def test_nothing_is_given_that_is_not_named() -> None:
    with pytest.raises(CallerNotAllowedError, match="write_profiles"):
        Rights().may_write_profiles()
    with pytest.raises(CallerNotAllowedError, match="ADMIN"):
        Rights().may_claim(RevocationReason.ADMIN)
    Rights().may_claim(RevocationReason.LOGOUT)


def test_what_was_given_is_used() -> None:
    EVERY_RIGHT.may_write_profiles()
    EVERY_RIGHT.may_claim(RevocationReason.ADMIN)
