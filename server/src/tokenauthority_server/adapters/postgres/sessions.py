"""SessionStore over PostgreSQL."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import asyncpg

from tokenauthority_server.adapters.postgres import statements
from tokenauthority_server.adapters.postgres.database import NAME, Database, Start
from tokenauthority_server.adapters.postgres.event_ids import event_id
from tokenauthority_server.domain import errors
from tokenauthority_server.domain.revocations import (
    FACT_MARGIN,
    LONGEST_ACCESS_LIFETIME,
    Death,
    RevocationReason,
)
from tokenauthority_server.domain.sessions import (
    Device,
    Grant,
    Lifetimes,
    NewSession,
    Origin,
    Rotation,
    Session,
    SessionCursor,
    SessionPage,
)
from tokenauthority_server.domain.tokens import Claims, InactiveReason, fingerprint
from tokenauthority_server.domain.users import Profile

REQUEST_WINDOW = timedelta(minutes=10)
"""How long a request_id stands for the pair that it made."""

_REFUSALS: dict[str, type[Exception]] = {
    "profile_too_large": errors.ProfileTooLargeError,
    "user_not_found": errors.UserNotFoundError,
    "user_not_allowed": errors.UserNotAllowedError,
    "session_limit_reached": errors.SessionLimitReachedError,
    "username_taken": errors.UsernameTakenError,
    "request_id_reused": errors.RequestIdReusedError,
    "request_id_spent": errors.RequestIdSpentError,
    "session_ended": errors.SessionEndedError,
    "expired": errors.RefreshTokenExpiredError,
    "reused": errors.RefreshTokenReusedError,
    "refresh_token_invalid": errors.RefreshTokenInvalidError,
    "credentials_changed": errors.InvalidCredentialsError,
    "signing_key_revoked": errors.SigningKeyRevokedError,
}

# A token that lost the rotation and is found current all the same was held up by something that has
# passed, such as a lock of its user that ended meanwhile. That cannot go on for long.
_ROTATION_ATTEMPTS = 3

# Beyond all that is ever created.
_NEWEST = SessionCursor(create_time=datetime(9999, 1, 1, tzinfo=UTC), session_id="")


class PostgresSessionStore:
    """The life of sessions, each change in one round trip and one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, new: NewSession, lifetimes: Lifetimes, origin: Origin) -> Grant:
        """See SessionStore.create."""
        request, profile = new.request, new.request.profile
        try:
            rows = await self._database.change(
                statements.CREATE,
                request.user_id,
                profile.username if profile else None,
                profile.email if profile else None,
                profile.roles if profile else None,
                profile.permissions if profile else None,
                new.profile_size,
                new.profile_budget,
                new.session_id,
                request.device.device_id,
                request.device.user_agent,
                request.device.ip_address,
                request.scope,
                new.refresh_fingerprint,
                new.key_id,
                lifetimes.access,
                lifetimes.refresh,
                lifetimes.session,
                origin.caller,
                request.request_id,
                request.digest(),
                REQUEST_WINDOW,
                LONGEST_ACCESS_LIFETIME + FACT_MARGIN,
                event_id(),
                origin.request_id,
                new.cap.sessions,
                new.cap.evicts,
                FACT_MARGIN,
            )
        except asyncpg.UniqueViolationError as error:
            if error.constraint_name != "users_username_key":
                raise
            raise errors.UsernameTakenError from error
        return grant_of(rows[0])

    async def rotate(self, rotation: Rotation, lifetimes: Lifetimes, origin: Origin) -> Grant:
        """See SessionStore.rotate: one round trip for the winner, a second one for a loser."""
        # Each statement goes on to its end, but none is begun for a caller who has gone.
        return await self._database.bounded(self._rotate(rotation, lifetimes, origin))

    async def _rotate(self, rotation: Rotation, lifetimes: Lifetimes, origin: Origin) -> Grant:
        was_good, arrived_at = False, None
        for _ in range(_ROTATION_ATTEMPTS):
            start = Start()
            (row,) = await self._database.change(
                statements.ROTATE,
                rotation.user_id,
                rotation.session_id,
                rotation.presented,
                rotation.successor,
                lifetimes.access,
                lifetimes.refresh,
                rotation.key_id,
                rotation.device.user_agent,
                rotation.device.ip_address,
                rotation.profile_budget,
                lifetimes.grace,
                rotation.device.device_id,
                rotation.presented_key_id,
                start=start,
            )
            if row["outcome"] == "granted":
                return grant_of(row)
            # When the database heard of it, less the time for which it waited for a connection.
            # What was good when it first arrived stays so, however often it is tried.
            was_good = was_good or row["outcome"] == "overtaken"
            arrived_at = arrived_at or row["seen_at"] - start.waited
            (settled,) = await self._database.change(
                statements.SETTLE,
                rotation.user_id,
                rotation.session_id,
                rotation.presented,
                was_good,
                rotation.device.device_id,
                rotation.device.user_agent,
                rotation.device.ip_address,
                rotation.presented_issue_time,
                arrived_at,
                rotation.profile_budget,
                lifetimes.grace,
                FACT_MARGIN,
                origin.caller,
                event_id(),
                origin.request_id,
                rotation.presented_key_id,
                rotation.key_id,
            )
            if settled["outcome"] != "current":
                return grant_of(settled)
        raise errors.StoreUnavailableError(NAME)

    async def refresh_token_deaths(self, claims: Sequence[Claims]) -> Sequence[Death | None]:
        """See SessionStore.refresh_token_deaths."""
        rows = await self._database.ask(
            statements.REFRESH_TOKENS,
            [one.user_id for one in claims],
            [one.session_id for one in claims],
            [one.key_id for one in claims],
        )
        return [
            _death(row, fingerprint(one.token_id)) for row, one in zip(rows, claims, strict=True)
        ]

    async def page(self, user_id: str, size: int, after: SessionCursor | None) -> SessionPage:
        """See SessionStore.page."""
        start = after or _NEWEST
        rows = await self._database.scan(
            statements.PAGE, user_id, start.create_time, start.session_id, size + 1
        )
        sessions = tuple(_session(row) for row in rows[:size])
        cursor = None
        if len(rows) > size:
            last = sessions[-1]
            cursor = SessionCursor(create_time=last.create_time, session_id=last.session_id)
        return SessionPage(sessions=sessions, cursor=cursor)


def grant_of(row: asyncpg.Record) -> Grant:
    """Return the grant of a `grant_v1` row; raise what its outcome stands for."""
    outcome = row["outcome"]
    if outcome in _REFUSALS:
        raise _REFUSALS[outcome]
    return Grant(
        profile=Profile(
            user_id=row["user_id"],
            username=row["username"],
            email=row["email"],
            roles=tuple(row["roles"]),
            permissions=tuple(row["permissions"]),
        ),
        profile_epoch=row["profile_epoch"],
        session_id=row["session_id"],
        device_id=row["device_id"],
        scope=tuple(row["scope"]),
        epoch=row["epoch"],
        generation=row["generation"],
        refresh_fingerprint=row["current_fingerprint"],
        key_id=row["key_id"],
        issue_time=row["issued_at"],
        access_expire_time=row["access_expires_at"],
        refresh_expire_time=row["refresh_expires_at"],
        now=row["seen_at"],
        replayed=outcome == "replayed",
    )


def _death(row: asyncpg.Record, presented: bytes) -> Death | None:
    """Return what is wrong with a refresh token, the more final first."""
    found = (
        (row["by_revoked_key"], InactiveReason.KEY_REVOKED, RevocationReason.KEY_REVOKED),
        (not row["known"], InactiveReason.SESSION_REVOKED, None),
        (row["end_reason"], InactiveReason.SESSION_REVOKED, row["end_reason"]),
        (row["on_revoked_key"], InactiveReason.SESSION_REVOKED, RevocationReason.KEY_REVOKED),
        (row["outdated"], InactiveReason.USER_REVOKED, row["user_fact"]),
        (row["expired"], InactiveReason.SESSION_EXPIRED, None),
        (row["current_fingerprint"] != presented, InactiveReason.TOKEN_REVOKED, None),
    )
    for applies, reason, why in found:
        if applies:
            return Death(reason, RevocationReason(why) if why else None)
    return None


def _session(row: asyncpg.Record) -> Session:
    return Session(
        session_id=row["session_id"],
        user_id=row["user_id"],
        device=Device(
            device_id=row["device_id"],
            user_agent=row["user_agent"],
            ip_address=row["ip_address"],
        ),
        scope=tuple(row["scope"]),
        create_time=row["created_at"],
        last_activity_time=row["rotated_at"],
        expire_time=row["refresh_expires_at"],
        end_time=row["ends_at"],
    )
