"""Refresh: exchange a refresh token for the next pair, exactly once (RFC 9700, 4.14.2)."""

from dataclasses import dataclass
from datetime import UTC, datetime

from tokenauthority_server.domain.errors import RefreshTokenInvalidError, RefreshTokenReusedError
from tokenauthority_server.domain.ports import ActivityLog, Propagation, SessionStore
from tokenauthority_server.domain.revocations import About
from tokenauthority_server.domain.sessions import Device, Grant, Lifetimes, Origin, Rotation
from tokenauthority_server.domain.tokens import (
    TokenPair,
    TokenRefusedError,
    TokenType,
    fingerprint,
)
from tokenauthority_server.services.minting import Minting
from tokenauthority_server.services.recognition import Recognition


@dataclass(frozen=True, slots=True)
class Refreshed:
    """The successor, and whether it had been handed out before."""

    pair: TokenPair
    replayed: bool


@dataclass(frozen=True, slots=True)
class Refreshing:
    """Rotates refresh tokens."""

    sessions: SessionStore
    recognition: Recognition
    minting: Minting
    activity: ActivityLog
    lifetimes: Lifetimes
    propagation: Propagation

    async def refresh(self, refresh_token: str, device: Device, origin: Origin) -> Refreshed:
        """Return the successor of this refresh token.

        Whether it is the current one, and whether it has expired, the store decides by its own
        clock. Raises RefreshTokenInvalidError and what SessionStore.rotate raises.
        """
        try:
            claims = await self.recognition.recognise(refresh_token)
        except TokenRefusedError as error:
            raise RefreshTokenInvalidError from error
        if claims.token_type is not TokenType.REFRESH:
            raise RefreshTokenInvalidError
        successors = self.minting.ids.successor(claims.token_id)
        budget = self.minting.budget(claims.device_id, claims.scope)

        async def rotate(key_id: str) -> Grant:
            rotation = Rotation(
                user_id=claims.user_id,
                session_id=claims.session_id,
                presented=fingerprint(claims.token_id),
                presented_key_id=claims.key_id,
                presented_issue_time=datetime.fromtimestamp(claims.issue_time, UTC),
                successor=fingerprint(successors[0]),
                device=device,
                key_id=key_id,
                profile_budget=budget,
            )
            return await self.sessions.rotate(rotation, self.lifetimes, origin)

        try:
            grant = await self.minting.granted(rotate)
        except RefreshTokenReusedError:
            # Known here at once, and elsewhere a moment later: nobody is waited for.
            await self.propagation.publish(About(sessions=(claims.session_id,)))
            raise
        pair = await self.minting.pair(grant, successors)
        self.activity.record(claims.user_id, claims.session_id, grant.now)
        return Refreshed(pair, grant.replayed)
