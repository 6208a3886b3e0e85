"""Exchanging a refresh token, in memory."""

from dataclasses import replace
from datetime import datetime

from tokenauthority_server.adapters.memory.database import MemoryDatabase
from tokenauthority_server.adapters.memory.expiry import expire_times
from tokenauthority_server.adapters.memory.rows import AuditEvent, SessionRow, UserRow
from tokenauthority_server.domain.errors import (
    ProfileTooLargeError,
    RefreshTokenExpiredError,
    RefreshTokenInvalidError,
    RefreshTokenReusedError,
    SessionEndedError,
    SigningKeyRevokedError,
    UserNotAllowedError,
)
from tokenauthority_server.domain.revocations import RevocationReason
from tokenauthority_server.domain.sessions import Device, Grant, Lifetimes, Origin, Rotation


def rotate(
    database: MemoryDatabase, rotation: Rotation, lifetimes: Lifetimes, origin: Origin
) -> Grant:
    """Exchange a refresh token for its successor and return the grant."""
    if database.key_is_revoked(rotation.presented_key_id):
        # Never reuse: whoever has stolen the key could end any session.
        raise RefreshTokenInvalidError(rotation.session_id)
    now = database.clock.now()
    row = database.session_of(rotation.user_id, rotation.session_id)
    if row is None or row.end_reason is not None:
        raise SessionEndedError(rotation.session_id)
    user = database.users[row.user_id]
    if row.epoch != user.epoch or database.key_is_revoked(row.grant.key_id):
        raise SessionEndedError(rotation.session_id)
    if row.grant.refresh_expire_time <= now:
        raise RefreshTokenExpiredError(rotation.session_id)
    is_current = rotation.presented == row.grant.refresh_fingerprint
    if not is_current and not _is_in_grace(row, rotation, now - lifetimes.grace):
        _end_for_reuse(database, row, rotation, origin)
        raise RefreshTokenReusedError(rotation.session_id)
    if not user.allowed(now):
        raise UserNotAllowedError(rotation.user_id)
    if not is_current:
        return database.granted_again(row)
    if user.profile_size > rotation.profile_budget:
        raise ProfileTooLargeError(rotation.user_id)
    if database.key_is_revoked(rotation.key_id):
        raise SigningKeyRevokedError(rotation.key_id)
    rotated = _rotated(row, rotation, user, lifetimes, now)
    database.sessions[rotation.session_id] = rotated
    database.count(rotation.user_id, row.device.device_id, "refreshed")
    return rotated.grant


def _is_in_grace(row: SessionRow, rotation: Rotation, oldest: datetime) -> bool:
    # That it is the parent of the current token says that the current one was not used.
    device_ids = {row.device.device_id, rotation.device.device_id} - {""}
    return rotation.presented == row.parent and row.grant.now >= oldest and len(device_ids) <= 1


def _end_for_reuse(
    database: MemoryDatabase, row: SessionRow, rotation: Rotation, origin: Origin
) -> None:
    reason = RevocationReason.REUSE_DETECTED
    database.end_session(row, reason)
    database.count(row.user_id, row.device.device_id, "reuse_detected")
    database.audit_events.append(
        AuditEvent(
            time=database.clock.now(),
            kind="session.reuse_detected",
            origin=origin,
            user_id=row.user_id,
            session_id=rotation.session_id,
            device=row.device,
            presented_by=rotation.device,
            reason=reason,
        )
    )


def _rotated(
    row: SessionRow, rotation: Rotation, user: UserRow, lifetimes: Lifetimes, now: datetime
) -> SessionRow:
    issue_time = now.replace(microsecond=0)
    access_expire_time, refresh_expire_time = expire_times(issue_time, row.end_time, lifetimes)
    grant = replace(
        row.grant,
        profile=user.profile,
        profile_epoch=user.profile_epoch,
        epoch=row.epoch,
        generation=row.grant.generation + 1,
        refresh_fingerprint=rotation.successor,
        key_id=rotation.key_id,
        issue_time=issue_time,
        access_expire_time=access_expire_time,
        refresh_expire_time=refresh_expire_time,
        now=now,
    )
    device = Device(
        device_id=row.device.device_id,
        user_agent=rotation.device.user_agent or row.device.user_agent,
        ip_address=rotation.device.ip_address or row.device.ip_address,
    )
    return replace(
        row,
        grant=grant,
        device=device,
        parent=rotation.presented,
        last_access_expire_time=max(row.last_access_expire_time, access_expire_time),
    )
