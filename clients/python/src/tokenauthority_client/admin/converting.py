"""Between the contract's messages and the values of administrators' calls."""

from datetime import date, datetime

from tokenauthority.v1 import admin_service_pb2 as pb
from tokenauthority.v1 import token_service_pb2 as tokens_pb
from tokenauthority_client import convert
from tokenauthority_client.admin.models import (
    AuditEvent,
    SessionCriteria,
    SigningKey,
    TokenMetrics,
    User,
)
from tokenauthority_client.enums import KeyState, UserStatus
from tokenauthority_client.models import Subject


def to_user(user: Subject | User) -> pb.User:
    """Return the message with the profile alone."""
    return pb.User(
        user_id=user.user_id,
        username=user.username,
        email=user.email,
        roles=convert.strings(user.roles),
        permissions=convert.strings(user.permissions),
    )


def to_user_status(status: UserStatus) -> pb.UserStatus.ValueType:
    """Return the number, or raise ValueError for UNRECOGNIZED."""
    return pb.UserStatus.Value(f"USER_STATUS_{status}")


def to_criteria(criteria: SessionCriteria) -> pb.SessionCriteria:
    """Return the message."""
    return pb.SessionCriteria(
        user_id=criteria.user_id,
        device_id=criteria.device_id,
        ip_range=criteria.ip_range,
        user_agent=criteria.user_agent,
        create_time_before=convert.to_time(criteria.create_time_before, "create_time_before"),
        key_id=criteria.key_id,
    )


def to_day(day: date | None) -> str:
    """Return the day as the contract writes it, empty for today."""
    if isinstance(day, datetime):
        raise TypeError("day is a date, in UTC: write time.astimezone(UTC).date()")
    return day.isoformat() if day else ""


def from_user(user: pb.User) -> User:
    """Return a user of a response."""
    return User(
        user_id=user.user_id,
        username=user.username,
        email=user.email,
        roles=tuple(user.roles),
        permissions=tuple(user.permissions),
        status=convert.from_enum(UserStatus, pb.UserStatus.DESCRIPTOR, user.status)
        or UserStatus.UNRECOGNIZED,
        locked_until_time=convert.from_time_if_set(user, "locked_until_time"),
        last_login_time=convert.from_time_if_set(user, "last_login_time"),
        create_time=convert.from_time(user.create_time),
        update_time=convert.from_time(user.update_time),
    )


def from_metrics(metrics: pb.TokenMetrics) -> TokenMetrics:
    """Return the counts of a response."""
    return TokenMetrics(
        created=metrics.created,
        refreshed=metrics.refreshed,
        revoked=metrics.revoked,
        bulk_revoked=metrics.bulk_revoked,
        reuse_detected=metrics.reuse_detected,
        logins=metrics.logins,
        failed_logins=metrics.failed_logins,
        active_sessions=metrics.active_sessions if metrics.HasField("active_sessions") else None,
        as_of_time=convert.from_time_if_set(metrics, "as_of_time"),
    )


def from_signing_key(key: pb.SigningKey) -> SigningKey:
    """Return a signing key of a response."""
    return SigningKey(
        key_id=key.key_id,
        algorithm=key.algorithm,
        state=convert.from_enum(KeyState, tokens_pb.KeyState.DESCRIPTOR, key.state)
        or KeyState.UNRECOGNIZED,
        create_time=convert.from_time(key.create_time),
        activate_time=convert.from_time_if_set(key, "activate_time"),
        retire_time=convert.from_time_if_set(key, "retire_time"),
        last_expire_time=convert.from_time_if_set(key, "last_expire_time"),
    )


def from_event(event: pb.AuditEvent) -> AuditEvent:
    """Return an event of a response."""
    return AuditEvent(
        event_id=event.event_id,
        time=convert.from_time(event.time),
        kind=event.kind,
        caller=event.caller,
        user_id=event.user_id,
        session_id=event.session_id,
        device=convert.from_device(event.device),
        outcome=event.outcome,
        reason=event.reason,
        request_id=event.request_id,
        details=dict(event.details),
    )
