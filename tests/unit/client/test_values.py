"""The client's values have what the contract has, under its names, and cannot be changed."""

import dataclasses
from enum import StrEnum
from typing import Any

import pytest
from google.protobuf.descriptor import Descriptor, EnumDescriptor

import tokenauthority_client
from tokenauthority.v1 import account_service_pb2 as accounts_pb
from tokenauthority.v1 import admin_service_pb2 as admin_pb
from tokenauthority.v1 import token_service_pb2 as pb
from tokenauthority_client import (
    AuditCriteria,
    AuditEvent,
    AuditEventPage,
    CheckSource,
    Claims,
    Device,
    EndedSessions,
    InactiveReason,
    KeyRevocationResult,
    KeyState,
    LogoutResult,
    PublicKey,
    PutUserResult,
    RefreshResult,
    RevocationReason,
    RevocationResult,
    Session,
    SessionCriteria,
    SessionPage,
    SessionsRevocationResult,
    SigningKey,
    Subject,
    TokenMetrics,
    TokenPair,
    TokenType,
    User,
    UserPage,
    UserStatus,
    UserStatusResult,
    ValidationResult,
)


@pytest.mark.parametrize(
    ("kind", "contract"),
    [
        (TokenType, pb.TokenType.DESCRIPTOR),
        (InactiveReason, pb.InactiveReason.DESCRIPTOR),
        (RevocationReason, pb.RevocationReason.DESCRIPTOR),
        (CheckSource, pb.CheckSource.DESCRIPTOR),
        (KeyState, pb.KeyState.DESCRIPTOR),
        (UserStatus, admin_pb.UserStatus.DESCRIPTOR),
    ],
)
def test_an_enum_has_the_contracts_names(kind: type[StrEnum], contract: EnumDescriptor) -> None:
    zero, *names = (value.name for value in contract.values)
    prefix = zero.removesuffix("UNSPECIFIED")
    assert [*(name.removeprefix(prefix) for name in names), "UNRECOGNIZED"] == list(kind)
    assert [member.name for member in kind] == [member.value for member in kind]


@pytest.mark.parametrize(
    ("kind", "contract"),
    [
        (Subject, pb.Subject.DESCRIPTOR),
        (Device, pb.Device.DESCRIPTOR),
        (TokenPair, pb.TokenPair.DESCRIPTOR),
        (RefreshResult, pb.RefreshResponse.DESCRIPTOR),
        (Claims, pb.Claims.DESCRIPTOR),
        (ValidationResult, pb.ValidateResponse.DESCRIPTOR),
        (RevocationResult, pb.RevokeResponse.DESCRIPTOR),
        (Session, pb.Session.DESCRIPTOR),
        (SessionPage, pb.ListSessionsResponse.DESCRIPTOR),
        (PublicKey, pb.PublicKey.DESCRIPTOR),
        (LogoutResult, accounts_pb.LogoutResponse.DESCRIPTOR),
        (EndedSessions, accounts_pb.LogoutAllResponse.DESCRIPTOR),
        (EndedSessions, accounts_pb.ChangePasswordResponse.DESCRIPTOR),
        (EndedSessions, admin_pb.SetPasswordResponse.DESCRIPTOR),
        (EndedSessions, admin_pb.DeleteUserResponse.DESCRIPTOR),
        (User, admin_pb.User.DESCRIPTOR),
        (UserPage, admin_pb.ListUsersResponse.DESCRIPTOR),
        (PutUserResult, admin_pb.PutUserResponse.DESCRIPTOR),
        (UserStatusResult, admin_pb.SetUserStatusResponse.DESCRIPTOR),
        (SessionCriteria, admin_pb.SessionCriteria.DESCRIPTOR),
        (SessionsRevocationResult, admin_pb.RevokeSessionsResponse.DESCRIPTOR),
        (TokenMetrics, admin_pb.TokenMetrics.DESCRIPTOR),
        (SigningKey, admin_pb.SigningKey.DESCRIPTOR),
        (KeyRevocationResult, admin_pb.RevokeSigningKeyResponse.DESCRIPTOR),
        (AuditEvent, admin_pb.AuditEvent.DESCRIPTOR),
        (AuditEventPage, admin_pb.ListAuditEventsResponse.DESCRIPTOR),
    ],
)
def test_a_value_has_the_contracts_fields_for_good(kind: type[Any], contract: Descriptor) -> None:
    names = [field.name for field in dataclasses.fields(kind)]
    assert names == [field.name for field in contract.fields]
    assert set(kind.__slots__) == set(names)
    for name in names:
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(object.__new__(kind), name, None)


def test_criteria_of_events_are_the_requests_fields_but_for_the_page() -> None:
    names = [field.name for field in dataclasses.fields(AuditCriteria)]
    request = admin_pb.ListAuditEventsRequest.DESCRIPTOR
    assert [*names, "page_size", "page_token"] == [field.name for field in request.fields]


def test_every_public_name_is_there() -> None:
    assert len(set(tokenauthority_client.__all__)) == len(tokenauthority_client.__all__)
    for name in tokenauthority_client.__all__:
        assert hasattr(tokenauthority_client, name), name
