"""Requests to the ports as a good service makes them, each with what a test wants to vary."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from support.stores import Status

from tokenauthority_server.adapters.memory import MemoryEntropy
from tokenauthority_server.domain.sessions import (
    NO_CAP,
    CreateRequest,
    Device,
    Grant,
    Lifetimes,
    NewSession,
    Origin,
    Rotation,
    SessionCap,
)
from tokenauthority_server.domain.tokens import Claims, TokenType, fingerprint
from tokenauthority_server.domain.users import Profile

LIFETIMES = Lifetimes(
    access=timedelta(minutes=30),
    refresh=timedelta(days=7),
    session=timedelta(days=30),
    grace=timedelta(seconds=30),
)
ORIGIN = Origin(caller="shop", request_id="call-1")
ADA = Profile(
    user_id="u-ada",
    username="ada",
    email="ada@example.com",
    roles=("author", "editor"),
    permissions=("read", "write"),
)
BOB = Profile(user_id="u-bob", username="bob")
PHONE = Device(device_id="phone", user_agent="app/1", ip_address="192.0.2.1")
LAPTOP = Device(device_id="laptop", user_agent="browser/1", ip_address="192.0.2.2")
NO_DEVICE = Device()
MAY_NOT: list[tuple[Status, timedelta | None]] = [
    ("DISABLED", None),
    ("DELETED", None),
    ("LOCKED", None),
    ("LOCKED", timedelta(hours=1)),
]
"""The statuses of users who may hold no sessions, and for how long they are locked."""
PROFILE_SIZE = 200
PROFILE_BUDGET = 6_000

_NAMES = MemoryEntropy("asking")


def refresh_token_id(session_id: str, generation: int) -> str:
    """The same for all who derive it, as the real ones are."""
    return f"refresh {session_id} {generation}"


def new_session(  # noqa: PLR0913 - all of them by name
    user: Profile | str = ADA,
    *,
    device: Device = PHONE,
    scope: tuple[str, ...] = ("shop:read",),
    request_id: str = "",
    key_id: str = "key-1",
    profile_size: int = PROFILE_SIZE,
    profile_budget: int = PROFILE_BUDGET,
    cap: SessionCap = NO_CAP,
) -> NewSession:
    """A session that was never asked for, by a profile or by a user_id."""
    profile = user if isinstance(user, Profile) else None
    session_id = _NAMES.session_id()
    return NewSession(
        request=CreateRequest(
            user_id=user.user_id if isinstance(user, Profile) else user,
            profile=profile,
            device=device,
            scope=scope,
            request_id=request_id,
        ),
        session_id=session_id,
        refresh_fingerprint=fingerprint(refresh_token_id(session_id, 0)),
        key_id=key_id,
        # Of the directory's profile only the store knows the size.
        profile_size=profile_size if profile is not None else 0,
        profile_budget=profile_budget,
        cap=cap,
    )


def rotation_of(
    grant: Grant,
    *,
    device: Device = NO_DEVICE,
    presented_key_id: str = "",
    key_id: str = "key-1",
    profile_budget: int = PROFILE_BUDGET,
) -> Rotation:
    """The exchange of a grant's refresh token for its successor."""
    successor = refresh_token_id(grant.session_id, grant.generation + 1)
    return Rotation(
        user_id=grant.profile.user_id,
        session_id=grant.session_id,
        presented=grant.refresh_fingerprint,
        presented_key_id=presented_key_id or grant.key_id,
        presented_issue_time=grant.issue_time,
        successor=fingerprint(successor),
        device=device,
        key_id=key_id,
        profile_budget=profile_budget,
    )


def access_claims(grant: Grant) -> Claims:
    """What the grant's access token says."""
    profile = grant.profile
    return Claims(
        token_type=TokenType.ACCESS,
        user_id=profile.user_id,
        session_id=grant.session_id,
        token_id=f"access {grant.session_id} {grant.generation}",
        issue_time=int(grant.issue_time.timestamp()),
        expire_time=int(grant.access_expire_time.timestamp()),
        epoch=grant.epoch,
        key_id=grant.key_id,
        device_id=grant.device_id,
        scope=grant.scope,
        username=profile.username,
        email=profile.email,
        roles=profile.roles,
        permissions=profile.permissions,
        profile_epoch=grant.profile_epoch,
    )


def refresh_claims(grant: Grant) -> Claims:
    """What the grant's refresh token says."""
    return Claims(
        token_type=TokenType.REFRESH,
        user_id=grant.profile.user_id,
        session_id=grant.session_id,
        token_id=refresh_token_id(grant.session_id, grant.generation),
        issue_time=int(grant.issue_time.timestamp()),
        expire_time=int(grant.refresh_expire_time.timestamp()),
        epoch=grant.epoch,
        key_id=grant.key_id,
        device_id=grant.device_id,
        scope=grant.scope,
    )


def pair(grant: Grant) -> Grant:
    """The grant without what a replay may change: two that are equal give the same tokens."""
    return replace(grant, now=datetime.min.replace(tzinfo=UTC), replayed=False)
