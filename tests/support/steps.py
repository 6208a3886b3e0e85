"""The steps of the conformance suites, with the lifetimes and the caller filled in."""

from datetime import datetime

from support.asking import LIFETIMES, ORIGIN, new_session, refresh_claims, rotation_of
from support.stores import Stores

from tokenauthority_server.domain.revocations import Death, RevocationReason
from tokenauthority_server.domain.sessions import Grant, Lifetimes, NewSession, Origin, Rotation
from tokenauthority_server.domain.tokens import Claims
from tokenauthority_server.domain.users import UserStatus


async def create(
    stores: Stores,
    new: NewSession | None = None,
    lifetimes: Lifetimes = LIFETIMES,
    origin: Origin = ORIGIN,
) -> Grant:
    return await stores.sessions.create(new or new_session(), lifetimes, origin)


async def rotate(
    stores: Stores, wanted: Grant | Rotation, lifetimes: Lifetimes = LIFETIMES
) -> Grant:
    rotation = wanted if isinstance(wanted, Rotation) else rotation_of(wanted)
    return await stores.sessions.rotate(rotation, lifetimes, ORIGIN)


async def end_session(
    stores: Stores,
    grant: Grant,
    reason: RevocationReason = RevocationReason.LOGOUT,
) -> int:
    user_id = grant.profile.user_id
    return await stores.revoker.end_session(grant.session_id, user_id, reason, ORIGIN)


async def end_user_sessions(
    stores: Stores,
    user_id: str,
    kept: Grant | None = None,
    reason: RevocationReason = RevocationReason.LOGOUT_ALL,
) -> int:
    kept_id = kept.session_id if kept is not None else ""
    return await stores.revoker.end_user_sessions(user_id, kept_id, reason, ORIGIN)


async def set_status(
    stores: Stores, user_id: str, status: UserStatus, until: datetime | None = None
) -> int:
    return await stores.directory.set_status(user_id, status, until, ORIGIN)


async def delete_user(stores: Stores, user_id: str) -> int:
    return await stores.directory.delete(user_id, ORIGIN)


async def revoke_token(
    stores: Stores, claims: Claims, reason: RevocationReason = RevocationReason.LOGOUT
) -> int:
    return await stores.revoker.revoke_token(claims, reason, ORIGIN)


async def revoke_key(stores: Stores, key_id: str) -> int | None:
    """Revoke a key that the store does not hold."""
    return await stores.keys.revoke_elsewhere(key_id, ORIGIN)


async def death(stores: Stores, claims: Claims) -> Death | None:
    return (await stores.view.check([claims])).deaths[0]


async def refresh_death(stores: Stores, grant: Grant) -> Death | None:
    return (await stores.sessions.refresh_token_deaths([refresh_claims(grant)]))[0]


async def live_session_ids(stores: Stores, user_id: str) -> set[str]:
    page = await stores.sessions.page(user_id, 1_000, None)
    assert page.cursor is None
    return {session.session_id for session in page.sessions}
