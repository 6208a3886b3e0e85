"""From what use cases return to the messages of AdminService. No secret is in any of them."""

from typing import Final

from tokenauthority.v1 import admin_service_pb2 as pb
from tokenauthority.v1 import token_service_pb2 as tokens_pb
from tokenauthority_server.domain.audit import AuditEvent
from tokenauthority_server.domain.keys import KeyState, SigningKey
from tokenauthority_server.domain.metrics import TokenMetrics
from tokenauthority_server.domain.users import User, UserStatus
from tokenauthority_server.transport.responses import timestamp

# By name, once: the domain's names are the contract's.
# Nobody who is deleted is shown.
_STATUSES: Final = {
    one: pb.UserStatus.Value(f"USER_STATUS_{one.name}")
    for one in set(UserStatus) - {UserStatus.DELETED}
}
_KEY_STATES: Final = {one: tokens_pb.KeyState.Value(f"KEY_STATE_{one.name}") for one in KeyState}

NOT_COUNTED: Final = -1
"""What revoked_sessions says where they were too many to be counted."""


def user(found: User) -> pb.User:
    """Return the user; times that have not come stay unset."""
    profile = found.profile
    return pb.User(
        user_id=profile.user_id,
        username=profile.username,
        email=profile.email,
        roles=profile.roles,
        permissions=profile.permissions,
        status=_STATUSES[found.status],
        locked_until_time=timestamp(found.locked_until) if found.locked_until else None,
        last_login_time=timestamp(found.last_login_time) if found.last_login_time else None,
        create_time=timestamp(found.create_time),
        update_time=timestamp(found.update_time),
    )


def token_metrics(found: TokenMetrics) -> pb.TokenMetrics:
    """Return the counts; live sessions stay unset where they are not counted."""
    metrics = pb.TokenMetrics(
        created=found.created,
        refreshed=found.refreshed,
        revoked=found.revoked,
        bulk_revoked=found.bulk_revoked,
        reuse_detected=found.reuse_detected,
        logins=found.logins,
        failed_logins=found.failed_logins,
    )
    if found.live_sessions is not None:
        metrics.active_sessions = found.live_sessions.count
        metrics.as_of_time.CopyFrom(timestamp(found.live_sessions.as_of_time))
    return metrics


def signing_key(key: SigningKey) -> pb.SigningKey:
    """Return the key without its private half; times that have not come stay unset."""
    return pb.SigningKey(
        key_id=key.key_id,
        algorithm=key.algorithm,
        state=_KEY_STATES[key.state],
        create_time=timestamp(key.create_time),
        activate_time=timestamp(key.activate_time) if key.activate_time else None,
        retire_time=timestamp(key.retire_time) if key.retire_time else None,
        last_expire_time=timestamp(key.last_expire_time),
    )


def audit_event(event: AuditEvent) -> pb.AuditEvent:
    """Return the event."""
    return pb.AuditEvent(
        event_id=event.event_id,
        time=timestamp(event.time),
        kind=event.kind,
        caller=event.caller,
        user_id=event.user_id,
        session_id=event.session_id,
        device=tokens_pb.Device(
            device_id=event.device.device_id,
            user_agent=event.device.user_agent,
            ip_address=event.device.ip_address,
        ),
        outcome=event.outcome,
        reason=event.reason,
        request_id=event.request_id,
        details=event.details,
    )
