"""From requests to the values that use cases take: every field is checked before any work.

Each function raises InvalidRequestError, which names all the fields that break a rule.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tokenauthority.v1 import token_service_pb2 as pb
from tokenauthority_server.domain.errors import InvalidRequestError, ProfileTooLargeError, Violation
from tokenauthority_server.domain.revocations import CLAIMABLE_REASONS, RevocationReason
from tokenauthority_server.domain.sessions import CreateRequest, Device
from tokenauthority_server.domain.tokens import MAX_TOKEN_BYTES, TokenType
from tokenauthority_server.domain.users import Profile
from tokenauthority_server.transport.fields import Fields, byte_length

USER_ID: Final = 128
USERNAME: Final = 150
EMAIL: Final = 254
DEVICE_ID: Final = 128
USER_AGENT: Final = 512
SCOPE_VALUES: Final = 64
SCOPE_VALUE: Final = 128
SESSION_ID: Final = 128
REQUEST_ID: Final = 128
PAGE_TOKEN: Final = 1024
BATCH_TOKENS: Final = 1_000
BATCH_BYTES: Final = 1024 * 1024

_TOKEN_TYPES: Final = {
    pb.TOKEN_TYPE_UNSPECIFIED: TokenType.ACCESS,
    pb.TOKEN_TYPE_ACCESS: TokenType.ACCESS,
    pb.TOKEN_TYPE_REFRESH: TokenType.REFRESH,
}
_CLAIMABLE: Final = {
    pb.REVOCATION_REASON_UNSPECIFIED: RevocationReason.LOGOUT,
    **{
        pb.RevocationReason.Value(f"REVOCATION_REASON_{reason}"): reason
        for reason in CLAIMABLE_REASONS
    },
}

_NO_TYPE: Final = Violation("expected_type", "is no TokenType")


@dataclass(frozen=True, slots=True)
class TokenTarget:
    """A token to revoke."""

    token: str


@dataclass(frozen=True, slots=True)
class SessionTarget:
    """A session to end."""

    session_id: str


@dataclass(frozen=True, slots=True)
class UserTarget:
    """A user whose sessions to end, but for one where it is given ("" for none)."""

    user_id: str
    except_session_id: str


Target = TokenTarget | SessionTarget | UserTarget


def create_pair(request: pb.CreatePairRequest) -> CreateRequest:
    """Return what CreatePair asks; raise ProfileTooLargeError too."""
    fields = Fields()
    profile = None
    user_id = request.user_id
    fits = True
    match request.WhichOneof("identity"):
        case "user_id":
            fields.required("user_id", user_id, USER_ID)
        case "subject":
            fits = may_fit(request.subject.roles, request.subject.permissions)
            profile = _subject(fields, request.subject, with_rights=fits)
            user_id = profile.user_id
        case _:
            fields.refuse("identity", "is required: give user_id or subject")
    created = CreateRequest(
        user_id=user_id,
        profile=profile,
        device=device_of(fields, request.device),
        scope=scope_of(fields, request.scope),
        request_id=fields.optional("request_id", request.request_id, REQUEST_ID),
    )
    fields.done()
    if not fits:
        raise ProfileTooLargeError
    return created


def validate(request: pb.ValidateRequest) -> tuple[str, TokenType]:
    """Return the token, whatever it is, and the type that is expected."""
    expected = _TOKEN_TYPES.get(request.expected_type)
    if expected is None:
        raise InvalidRequestError(_NO_TYPE)
    return request.token, expected


def batch_validate(request: pb.BatchValidateRequest) -> tuple[Sequence[str], TokenType]:
    """Return the tokens, whatever they are, and the type that is expected of all."""
    fields = Fields()
    tokens = request.tokens
    if len(tokens) > BATCH_TOKENS:
        fields.refuse("tokens", f"are {len(tokens)}; at most {BATCH_TOKENS} are allowed")
    elif sum(map(byte_length, tokens)) > BATCH_BYTES:
        fields.refuse("tokens", f"have more than {BATCH_BYTES} bytes together")
    expected = _token_type(fields, request.expected_type)
    fields.done()
    return tokens, expected


def refresh(request: pb.RefreshRequest) -> tuple[str, Device]:
    """Return the refresh token and the device that it is presented on."""
    fields = Fields()
    token = fields.required("refresh_token", request.refresh_token)
    device = device_of(fields, request.device)
    fields.done()
    return token, device


def revoke(request: pb.RevokeRequest) -> tuple[Target, RevocationReason]:
    """Return what is to be revoked, and why."""
    fields = Fields()
    survivor = fields.optional("except_session_id", request.except_session_id, SESSION_ID)
    target: Target = UserTarget(request.user_id, survivor)
    match request.WhichOneof("target"):
        case "token":
            target = TokenTarget(fields.required("token", request.token))
        case "session_id":
            target = SessionTarget(fields.required("session_id", request.session_id, SESSION_ID))
        case "user_id":
            fields.required("user_id", request.user_id, USER_ID)
        case _:
            fields.refuse("target", "is required: give token, session_id or user_id")
    if survivor and not isinstance(target, UserTarget):
        fields.refuse("except_session_id", "goes with user_id only")
    reason = _CLAIMABLE.get(request.reason)
    if reason is None:
        fields.refuse("reason", f"is none of {', '.join(sorted(CLAIMABLE_REASONS))}")
    fields.done()
    return target, reason or RevocationReason.LOGOUT


def list_sessions(request: pb.ListSessionsRequest) -> tuple[str, int, str]:
    """Return the user's id, the page's size (0 for the default) and the page's token."""
    fields = Fields()
    user_id = fields.required("user_id", request.user_id, USER_ID)
    if request.page_size < 0:
        fields.refuse("page_size", "is negative")
    page_token = fields.optional("page_token", request.page_token, PAGE_TOKEN)
    fields.done()
    return user_id, request.page_size, page_token


def _subject(fields: Fields, subject: pb.Subject, *, with_rights: bool) -> Profile:
    return Profile(
        user_id=fields.required("subject.user_id", subject.user_id, USER_ID),
        username=fields.required("subject.username", subject.username, USERNAME),
        email=fields.optional("subject.email", subject.email, EMAIL),
        roles=fields.values("subject.roles", subject.roles) if with_rights else (),
        permissions=fields.values("subject.permissions", subject.permissions)
        if with_rights
        else (),
    )


def may_fit(*lists: Sequence[str]) -> bool:
    """Whether the values could fit a token at all.

    The use case decides on the byte; but a message holds millions of values, and looking at each
    of them would keep everybody else waiting.
    """
    return all(
        len(values) <= MAX_TOKEN_BYTES and sum(map(len, values)) <= MAX_TOKEN_BYTES
        for values in lists
    )


def device_of(fields: Fields, device: pb.Device) -> Device:
    """Take what a session runs on."""
    return Device(
        device_id=fields.optional("device.device_id", device.device_id, DEVICE_ID),
        user_agent=fields.optional("device.user_agent", device.user_agent, USER_AGENT),
        ip_address=fields.address("device.ip_address", device.ip_address),
    )


def scope_of(fields: Fields, scope: Sequence[str]) -> tuple[str, ...]:
    """Take a session's scope."""
    if len(scope) > SCOPE_VALUES:
        fields.refuse("scope", f"has {len(scope)} values; at most {SCOPE_VALUES} are allowed")
        return ()
    return fields.values("scope", scope, SCOPE_VALUE)


def _token_type(fields: Fields, value: pb.TokenType.ValueType) -> TokenType:
    found = _TOKEN_TYPES.get(value)
    if found is None:
        fields.refuse(_NO_TYPE.field, _NO_TYPE.description)
    return found or TokenType.ACCESS
