"""From AccountService's requests to the values that use cases take.

Each function raises InvalidRequestError, which names all the fields that break a rule, and nothing
of what they hold. Nothing is normalized or hashed before.
"""

from dataclasses import dataclass, field

from tokenauthority.v1 import account_service_pb2 as pb
from tokenauthority_server.domain.logins import Credentials
from tokenauthority_server.domain.passwords import MOST_BYTES
from tokenauthority_server.domain.sessions import Device
from tokenauthority_server.transport.fields import Fields
from tokenauthority_server.transport.requests import USERNAME, device_of, scope_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What ChangePassword asks."""

    access_token: str = field(repr=False)
    old_password: str = field(repr=False)
    new_password: str = field(repr=False)


def login(request: pb.LoginRequest) -> tuple[Credentials, Device, tuple[str, ...]]:
    """Return what was typed, where, and the scope."""
    fields = Fields()
    credentials = Credentials(
        username=fields.required("username", request.username, USERNAME),
        password=fields.required("password", request.password, MOST_BYTES),
    )
    device, scope = device_of(fields, request.device), scope_of(fields, request.scope)
    fields.done()
    return credentials, device, scope


def logout(request: pb.LogoutRequest) -> str:
    """Return the refresh token, whatever it is."""
    fields = Fields()
    token = fields.required("refresh_token", request.refresh_token)
    fields.done()
    return token


def logout_all(request: pb.LogoutAllRequest) -> tuple[str, bool]:
    """Return the access token, whatever it is, and whether its session is kept."""
    fields = Fields()
    token = fields.required("access_token", request.access_token)
    fields.done()
    return token, request.keep_current


def change_password(request: pb.ChangePasswordRequest) -> Change:
    """Return what is asked. The rules of a new password are not those of a field."""
    fields = Fields()
    change = Change(
        access_token=fields.required("access_token", request.access_token),
        old_password=fields.required("old_password", request.old_password, MOST_BYTES),
        new_password=request.new_password,
    )
    if not request.new_password:
        fields.refuse("new_password", "is required")
    fields.done()
    return change
