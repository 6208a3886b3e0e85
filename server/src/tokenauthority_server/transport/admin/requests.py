"""From requests of AdminService to the values that use cases take: every field is checked.

Each function raises InvalidRequestError, which names all the fields that break a rule.
"""

from datetime import datetime
from typing import Final

from tokenauthority.v1 import admin_service_pb2 as pb
from tokenauthority.v1 import token_service_pb2 as tokens_pb
from tokenauthority_server.domain.audit import AuditFilter
from tokenauthority_server.domain.errors import ProfileTooLargeError
from tokenauthority_server.domain.revocations import CLAIMABLE_REASONS, RevocationReason
from tokenauthority_server.domain.session_criteria import SessionCriteria
from tokenauthority_server.domain.users import Profile, UserStatus
from tokenauthority_server.transport.fields import Fields
from tokenauthority_server.transport.requests import (
    DEVICE_ID,
    EMAIL,
    PAGE_TOKEN,
    SESSION_ID,
    USER_AGENT,
    USER_ID,
    USERNAME,
    may_fit,
)

KEY_ID: Final = 128
DAY: Final = len("2026-01-01")
ALGORITHM: Final = 16
KINDS: Final = 32
KIND: Final = 64

_STATUSES: Final = {
    pb.USER_STATUS_ACTIVE: UserStatus.ACTIVE,
    pb.USER_STATUS_DISABLED: UserStatus.DISABLED,
    pb.USER_STATUS_LOCKED: UserStatus.LOCKED,
}
_CLAIMABLE: Final = {
    tokens_pb.REVOCATION_REASON_UNSPECIFIED: RevocationReason.ADMIN,
    **{
        tokens_pb.RevocationReason.Value(f"REVOCATION_REASON_{reason}"): reason
        for reason in CLAIMABLE_REASONS
    },
}


def put_user(request: pb.PutUserRequest) -> Profile:
    """Return the profile; raise ProfileTooLargeError too."""
    fields = Fields()
    user = request.user
    fits = may_fit(user.roles, user.permissions)
    profile = Profile(
        user_id=fields.required("user.user_id", user.user_id, USER_ID),
        username=fields.required("user.username", user.username, USERNAME),
        email=fields.optional("user.email", user.email, EMAIL),
        roles=fields.values("user.roles", user.roles) if fits else (),
        permissions=fields.values("user.permissions", user.permissions) if fits else (),
    )
    fields.done()
    if not fits:
        raise ProfileTooLargeError
    return profile


def get_user(request: pb.GetUserRequest) -> tuple[str, str]:
    """Return the user's id, or "" and the username."""
    fields = Fields()
    match request.WhichOneof("identity"):
        case "user_id":
            fields.required("user_id", request.user_id, USER_ID)
        case "username":
            fields.required("username", request.username, USERNAME)
        case _:
            fields.refuse("identity", "is required: give user_id or username")
    fields.done()
    return request.user_id, request.username


def list_users(request: pb.ListUsersRequest) -> tuple[str, int, str]:
    """Return the prefix, the page's size (0 for the default) and the page's token."""
    fields = Fields()
    prefix = fields.optional("prefix", request.prefix, USERNAME)
    page_token = _page(fields, request)
    fields.done()
    return prefix, request.page_size, page_token


def set_password(request: pb.SetPasswordRequest) -> tuple[str, str]:
    """Return the user's id and the password, whose own rules the use case knows."""
    fields = Fields()
    user_id = fields.required("user_id", request.user_id, USER_ID)
    password = fields.required("password", request.password)
    fields.done()
    return user_id, password


def set_user_status(
    request: pb.SetUserStatusRequest,
) -> tuple[str, UserStatus, datetime | None]:
    """Return the user's id, the status, and when a lock ends."""
    fields = Fields()
    user_id = fields.required("user_id", request.user_id, USER_ID)
    status = _STATUSES.get(request.status)
    if status is None:
        fields.refuse("status", "must be ACTIVE, DISABLED or LOCKED")
    until = fields.time(
        "locked_until_time",
        request.locked_until_time,
        given=request.HasField("locked_until_time"),
    )
    fields.done()
    return user_id, status or UserStatus.LOCKED, until


def delete_user(request: pb.DeleteUserRequest) -> str:
    """Return the user's id."""
    fields = Fields()
    user_id = fields.required("user_id", request.user_id, USER_ID)
    fields.done()
    return user_id


def revoke_sessions(
    request: pb.RevokeSessionsRequest,
) -> tuple[SessionCriteria, RevocationReason, bool]:
    """Return which sessions are meant, why they are to end, and whether only to count them."""
    fields = Fields()
    asked = request.criteria
    criteria = SessionCriteria(
        user_id=fields.optional("criteria.user_id", asked.user_id, USER_ID),
        device_id=fields.optional("criteria.device_id", asked.device_id, DEVICE_ID),
        ip_range=fields.network("criteria.ip_range", asked.ip_range),
        user_agent=fields.optional("criteria.user_agent", asked.user_agent, USER_AGENT),
        create_time_before=fields.time(
            "criteria.create_time_before",
            asked.create_time_before,
            given=asked.HasField("create_time_before"),
        ),
        key_id=fields.optional("criteria.key_id", asked.key_id, KEY_ID),
    )
    if not asked.ListFields():
        fields.refuse("criteria", "are required: set at least one")
    reason = _CLAIMABLE.get(request.reason)
    if reason is None:
        fields.refuse("reason", f"is none of {', '.join(sorted(CLAIMABLE_REASONS))}")
    fields.done()
    return criteria, reason or RevocationReason.ADMIN, request.dry_run


def get_token_metrics(request: pb.GetTokenMetricsRequest) -> tuple[str, str, str]:
    """Return the day, as it was written, the user's id and the device's."""
    fields = Fields()
    day = fields.optional("day", request.day, DAY)
    user_id = fields.optional("user_id", request.user_id, USER_ID)
    device_id = fields.optional("device_id", request.device_id, DEVICE_ID)
    fields.done()
    return day, user_id, device_id


def prepare_signing_key(request: pb.PrepareSigningKeyRequest) -> str:
    """Return the algorithm, "" for the one that signs."""
    fields = Fields()
    algorithm = fields.optional("algorithm", request.algorithm, ALGORITHM)
    fields.done()
    return algorithm


def key_id(
    request: pb.ActivateSigningKeyRequest | pb.RetireSigningKeyRequest | pb.RevokeSigningKeyRequest,
) -> str:
    """Return the key's id."""
    fields = Fields()
    named = fields.required("key_id", request.key_id, KEY_ID)
    fields.done()
    return named


def list_audit_events(request: pb.ListAuditEventsRequest) -> tuple[AuditFilter, int, str]:
    """Return which events are meant, the page's size (0 for the default) and its token."""
    fields = Fields()
    kinds: tuple[str, ...] = ()
    if len(request.kinds) > KINDS:
        fields.refuse("kinds", f"are {len(request.kinds)}; at most {KINDS} are allowed")
    else:
        kinds = fields.values("kinds", request.kinds, KIND)
    wanted = AuditFilter(
        user_id=fields.optional("user_id", request.user_id, USER_ID),
        session_id=fields.optional("session_id", request.session_id, SESSION_ID),
        kinds=kinds,
        start_time=fields.time(
            "start_time", request.start_time, given=request.HasField("start_time")
        ),
        end_time=fields.time("end_time", request.end_time, given=request.HasField("end_time")),
    )
    page_token = _page(fields, request)
    fields.done()
    return wanted, request.page_size, page_token


def _page(fields: Fields, request: pb.ListUsersRequest | pb.ListAuditEventsRequest) -> str:
    if request.page_size < 0:
        fields.refuse("page_size", "is negative")
    return fields.optional("page_token", request.page_token, PAGE_TOKEN)
