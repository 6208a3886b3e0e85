"""Between the contract's messages and the client's own values."""

from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeVar

from google.protobuf.descriptor import EnumDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from tokenauthority.v1 import account_service_pb2 as accounts_pb
from tokenauthority.v1 import admin_service_pb2 as admin_pb
from tokenauthority.v1 import token_service_pb2 as pb
from tokenauthority_client.enums import (
    CheckSource,
    InactiveReason,
    KeyState,
    RevocationReason,
    TokenType,
)
from tokenauthority_client.models import (
    Claims,
    Device,
    EndedSessions,
    PublicKey,
    RefreshResult,
    RevocationResult,
    Session,
    SessionPage,
    Subject,
    TokenPair,
    ValidationResult,
)

_Enum = TypeVar("_Enum", bound=StrEnum)
_Ended = (
    accounts_pb.LogoutAllResponse
    | accounts_pb.ChangePasswordResponse
    | admin_pb.SetPasswordResponse
    | admin_pb.DeleteUserResponse
)


def token_text(token: str) -> str:
    """Return a token, or what else a stranger presents, as it can be sent.

    A text with lone surrogates is no UTF-8 and could not be sent at all: it goes with question
    marks in their place, and the authority answers as for any other.
    """
    return token.encode(errors="replace").decode()


def new_password(password: str, name: str) -> str:
    """Return a password that is to be set, or raise ValueError when it cannot be sent.

    It is not altered as what is presented is: it would be another one. The error does not hold it.
    """
    if token_text(password) != password:
        raise ValueError(f"{name} has a lone surrogate, which is no character")
    return password


def strings(values: Iterable[str]) -> Iterable[str]:
    """Return the values, after making sure that they are not the letters of a single one."""
    if isinstance(values, str):
        raise TypeError("a list of strings is needed here, not one string: write [value]")
    return values


def to_subject(subject: Subject) -> pb.Subject:
    """Return the message."""
    return pb.Subject(
        user_id=subject.user_id,
        username=subject.username,
        email=subject.email,
        roles=strings(subject.roles),
        permissions=strings(subject.permissions),
    )


def to_device(device: Device | None) -> pb.Device | None:
    """Return the message, if there is a device."""
    if device is None:
        return None
    return pb.Device(
        device_id=device.device_id, user_agent=device.user_agent, ip_address=device.ip_address
    )


def to_time(time: datetime | None, name: str) -> Timestamp | None:
    """Return the message, if there is a time. One without a time zone could mean anything."""
    if time is None:
        return None
    if time.tzinfo is None:
        raise ValueError(f"{name} has no time zone: write datetime(..., tzinfo=UTC)")
    stamp = Timestamp()
    stamp.FromDatetime(time)
    return stamp


def to_token_type(token_type: TokenType) -> pb.TokenType.ValueType:
    """Return the number, or raise ValueError for UNRECOGNIZED."""
    return pb.TokenType.Value(f"TOKEN_TYPE_{token_type}")


def to_revocation_reason(reason: RevocationReason) -> pb.RevocationReason.ValueType:
    """Return the number, or raise ValueError for UNRECOGNIZED."""
    return pb.RevocationReason.Value(f"REVOCATION_REASON_{reason}")


def from_device(device: pb.Device) -> Device:
    """Return the device of a session or of an event."""
    return Device(
        device_id=device.device_id, user_agent=device.user_agent, ip_address=device.ip_address
    )


def from_pair(pair: pb.TokenPair) -> TokenPair:
    """Return the pair of a response."""
    return TokenPair(
        access_token=pair.access_token,
        refresh_token=pair.refresh_token,
        expires_in=pair.expires_in,
        token_type=pair.token_type,
        session_id=pair.session_id,
        access_expire_time=from_time(pair.access_expire_time),
        refresh_expire_time=from_time(pair.refresh_expire_time),
    )


def from_refreshed(response: pb.RefreshResponse) -> RefreshResult:
    """Return what Refresh answered."""
    return RefreshResult(pair=from_pair(response.pair), replayed=response.replayed)


def from_validation(response: pb.ValidateResponse) -> ValidationResult:
    """Return what Validate answered."""
    return ValidationResult(
        active=response.active,
        reason=from_enum(InactiveReason, pb.InactiveReason.DESCRIPTOR, response.reason),
        revocation_reason=from_enum(
            RevocationReason, pb.RevocationReason.DESCRIPTOR, response.revocation_reason
        ),
        claims=_claims(response.claims) if response.active else None,
        check_time=from_time(response.check_time),
        source=from_enum(CheckSource, pb.CheckSource.DESCRIPTOR, response.source),
    )


def from_revoked(response: pb.RevokeResponse) -> RevocationResult:
    """Return what Revoke answered."""
    return RevocationResult(
        revoked_sessions=response.revoked_sessions,
        revoked_tokens=response.revoked_tokens,
        effective_everywhere=response.effective_everywhere,
    )


def from_ended(response: _Ended) -> EndedSessions:
    """Return what a change of a user ended."""
    return EndedSessions(
        revoked_sessions=response.revoked_sessions,
        effective_everywhere=response.effective_everywhere,
    )


def from_sessions(response: pb.ListSessionsResponse) -> SessionPage:
    """Return the page that ListSessions answered."""
    return SessionPage(
        sessions=tuple(_session(session) for session in response.sessions),
        next_page_token=response.next_page_token,
    )


def from_key(key: pb.PublicKey) -> PublicKey:
    """Return one of the keys that GetPublicKeys answered."""
    return PublicKey(
        key_id=key.key_id,
        algorithm=key.algorithm,
        state=from_enum(KeyState, pb.KeyState.DESCRIPTOR, key.state) or KeyState.UNRECOGNIZED,
        jwk=key.jwk,
        activate_time=from_time_if_set(key, "activate_time"),
        retire_time=from_time_if_set(key, "retire_time"),
    )


def _claims(claims: pb.Claims) -> Claims:
    return Claims(
        user_id=claims.user_id,
        username=claims.username,
        email=claims.email,
        roles=tuple(claims.roles),
        permissions=tuple(claims.permissions),
        session_id=claims.session_id,
        device_id=claims.device_id,
        scope=tuple(claims.scope),
        token_type=from_enum(TokenType, pb.TokenType.DESCRIPTOR, claims.token_type)
        or TokenType.UNRECOGNIZED,
        issuer=claims.issuer,
        audience=claims.audience,
        issue_time=from_time(claims.issue_time),
        expire_time=from_time(claims.expire_time),
        token_id=claims.token_id,
        key_id=claims.key_id,
        epoch=claims.epoch,
        profile_epoch=claims.profile_epoch,
    )


def _session(session: pb.Session) -> Session:
    return Session(
        session_id=session.session_id,
        user_id=session.user_id,
        device=from_device(session.device),
        scope=tuple(session.scope),
        create_time=from_time(session.create_time),
        last_activity_time=from_time_if_set(session, "last_activity_time"),
        expire_time=from_time(session.expire_time),
        end_time=from_time(session.end_time),
    )


def from_time(stamp: Timestamp) -> datetime:
    """Return the time, in UTC."""
    return stamp.ToDatetime(tzinfo=UTC)


def from_time_if_set(message: Message, field: str) -> datetime | None:
    """Return the time that a field of the message holds, in UTC, or None when it is not set."""
    return from_time(getattr(message, field)) if message.HasField(field) else None


def from_enum(kind: type[_Enum], contract: EnumDescriptor, number: int) -> _Enum | None:
    """Return the member for a number on the wire: None for the unspecified zero."""
    if number == 0:
        return None
    known = contract.values_by_number.get(number)
    prefix = contract.values_by_number[0].name.removesuffix("UNSPECIFIED")
    name = known.name.removeprefix(prefix) if known else ""
    return kind.__members__.get(name, kind["UNRECOGNIZED"])
