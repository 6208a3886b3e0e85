"""Opening a session, in memory."""

from datetime import datetime, timedelta

from tokenauthority_server.adapters.memory.database import MemoryDatabase
from tokenauthority_server.adapters.memory.directory import admit
from tokenauthority_server.adapters.memory.expiry import expire_times
from tokenauthority_server.adapters.memory.rows import AuditEvent, SessionRow, UserRow
from tokenauthority_server.domain.errors import (
    RequestIdReusedError,
    RequestIdSpentError,
    SessionLimitReachedError,
    SigningKeyRevokedError,
    UserNotAllowedError,
)
from tokenauthority_server.domain.revocations import RevocationReason
from tokenauthority_server.domain.sessions import (
    CreateRequest,
    Grant,
    Lifetimes,
    NewSession,
    Origin,
)

REQUEST_ID_LIFETIME = timedelta(minutes=10)


def create(
    database: MemoryDatabase, new: NewSession, lifetimes: Lifetimes, origin: Origin
) -> Grant:
    """Open a session and return its grant; with a known request_id return the first one's."""
    if database.key_is_revoked(new.key_id):
        raise SigningKeyRevokedError(new.key_id)
    request = new.request
    user = database.users.get(request.user_id)
    if user is not None and not user.allowed(database.clock.now()):
        raise UserNotAllowedError(request.user_id)
    # Before the directory is touched: a request asked again changes nothing.
    first = _first_session(database, request, origin)
    if first is not None:
        return _grant_again(database, first, request)
    live = sorted(database.live_sessions(request.user_id), key=_age)
    if new.cap.sessions and not new.cap.evicts and len(live) >= new.cap.sessions:
        raise SessionLimitReachedError(request.user_id)
    admitted = admit(database, new)
    _audit_directory(database, user, admitted, origin)
    if new.cap.sessions:
        for oldest in live[: max(0, len(live) - new.cap.sessions + 1)]:
            _evict(database, oldest, origin)
    row = _opened(database, new, admitted, lifetimes, origin)
    database.sessions[new.session_id] = row
    database.count(request.user_id, request.device.device_id, "created")
    database.audit_events.append(
        AuditEvent(
            time=row.grant.now,
            kind="session.created",
            origin=origin,
            user_id=request.user_id,
            session_id=new.session_id,
            device=request.device,
        )
    )
    return row.grant


def _age(row: SessionRow) -> tuple[datetime, str]:
    return row.create_time, row.grant.session_id


def _audit_directory(
    database: MemoryDatabase, before: UserRow | None, after: UserRow, origin: Origin
) -> None:
    if after == before:
        return
    database.audit_events.append(
        AuditEvent(
            time=database.clock.now(),
            kind="user.created" if before is None else "user.profile_changed",
            origin=origin,
            user_id=after.profile.user_id,
        )
    )


def _evict(database: MemoryDatabase, row: SessionRow, origin: Origin) -> None:
    database.end_session(row, RevocationReason.SESSION_LIMIT)
    database.audit_events.append(
        AuditEvent(
            time=database.clock.now(),
            kind="session.revoked",
            origin=origin,
            user_id=row.user_id,
            session_id=row.grant.session_id,
            device=row.device,
            reason=RevocationReason.SESSION_LIMIT,
        )
    )


def _first_session(
    database: MemoryDatabase, request: CreateRequest, origin: Origin
) -> SessionRow | None:
    if not request.request_id:
        return None
    oldest = database.clock.now() - REQUEST_ID_LIFETIME
    for row in database.sessions.values():
        is_same_request = (row.user_id, row.caller, row.request.request_id) == (
            request.user_id,
            origin.caller,
            request.request_id,
        )
        if is_same_request and row.create_time > oldest:
            return row
    return None


def _grant_again(database: MemoryDatabase, row: SessionRow, request: CreateRequest) -> Grant:
    if row.request.digest() != request.digest():
        raise RequestIdReusedError(request.request_id)
    if row.grant.generation > 0 or not database.session_is_live(row):
        raise RequestIdSpentError(request.request_id)
    return database.granted_again(row)


def _opened(
    database: MemoryDatabase,
    new: NewSession,
    user: UserRow,
    lifetimes: Lifetimes,
    origin: Origin,
) -> SessionRow:
    now = database.clock.now()
    issue_time = now.replace(microsecond=0)
    end_time = issue_time + lifetimes.session
    access_expire_time, refresh_expire_time = expire_times(issue_time, end_time, lifetimes)
    grant = Grant(
        profile=user.profile,
        profile_epoch=user.profile_epoch,
        session_id=new.session_id,
        device_id=new.request.device.device_id,
        scope=new.request.scope,
        epoch=user.epoch,
        generation=0,
        refresh_fingerprint=new.refresh_fingerprint,
        key_id=new.key_id,
        issue_time=issue_time,
        access_expire_time=access_expire_time,
        refresh_expire_time=refresh_expire_time,
        now=now,
        replayed=False,
    )
    return SessionRow(
        grant=grant,
        epoch=user.epoch,
        device=new.request.device,
        create_time=now,
        end_time=end_time,
        last_access_expire_time=access_expire_time,
        caller=origin.caller,
        request=new.request,
    )
