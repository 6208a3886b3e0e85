"""The domain's enumerations carry the names of the published contract."""

from enum import StrEnum

import pytest

from tokenauthority.v1 import token_service_pb2 as published
from tokenauthority_server.domain.keys import KeyState
from tokenauthority_server.domain.revocations import (
    CLAIMABLE_REASONS,
    CheckSource,
    RevocationReason,
)
from tokenauthority_server.domain.tokens import InactiveReason, TokenType


@pytest.mark.parametrize(
    ("names", "prefix"),
    [
        (TokenType, "TOKEN_TYPE_"),
        (InactiveReason, "INACTIVE_REASON_"),
        (RevocationReason, "REVOCATION_REASON_"),
        (CheckSource, "CHECK_SOURCE_"),
        (KeyState, "KEY_STATE_"),
    ],
)
def test_names_are_the_contracts(names: type[StrEnum], prefix: str) -> None:
    values = published.DESCRIPTOR.enum_types_by_name[names.__name__].values_by_name
    assert {f"{prefix}{one.name}" for one in names} | {f"{prefix}UNSPECIFIED"} == set(values)


def test_a_caller_may_claim_four_reasons() -> None:
    assert {"LOGOUT", "LOGOUT_ALL", "ADMIN", "PASSWORD_CHANGED"} == CLAIMABLE_REASONS
