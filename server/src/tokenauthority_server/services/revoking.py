"""Revoke: end a token, a session, or all that a user holds (RFC 7009)."""

from dataclasses import dataclass

from tokenauthority_server.domain.ports import Propagation, SessionRevoker
from tokenauthority_server.domain.revocations import (
    About,
    RevocationReason,
    about_key,
    about_token,
    about_user,
)
from tokenauthority_server.domain.sessions import Origin
from tokenauthority_server.domain.tokens import InactiveReason, TokenRefusedError, TokenType
from tokenauthority_server.services.recognition import Recognition

_GOOD_NOWHERE = frozenset({InactiveReason.MALFORMED, InactiveReason.BAD_SIGNATURE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoked:
    """What a revocation ended, and whether every verifier is known to refuse it from now on."""

    sessions: int = 0
    tokens: int = 0
    effective_everywhere: bool


@dataclass(frozen=True, slots=True)
class Revoking:
    """Ends what is alive. Unknown and dead targets count zero, and are no error.

    What was dead before is made known all the same: whoever ended it may still be on the way.
    """

    revoker: SessionRevoker
    propagation: Propagation
    recognition: Recognition

    async def revoke_token(self, token: str, reason: RevocationReason, origin: Origin) -> Revoked:
        """Kill an access token alone; end the session of any refresh token that we signed."""
        try:
            claims = await self.recognition.recognise(token)
        except TokenRefusedError as error:
            if error.reason is InactiveReason.KEY_REVOKED:
                settled = await self.propagation.settle(about_key(error.revoked_key_id))
                return Revoked(effective_everywhere=settled)
            # Of another key, issuer or audience it may still be good where those are ours.
            return Revoked(effective_everywhere=error.reason in _GOOD_NOWHERE)
        if claims.token_type is TokenType.REFRESH:
            ended = await self.revoker.end_session(
                claims.session_id,
                claims.user_id,
                reason,
                origin,
                presented_key_id=claims.key_id,
            )
            settled = await self.propagation.settle(about_token(claims))
            return Revoked(sessions=ended, effective_everywhere=settled)
        killed = await self.revoker.revoke_token(claims, reason, origin)
        settled = await self.propagation.settle(about_token(claims))
        return Revoked(tokens=killed, effective_everywhere=settled)

    async def revoke_session(
        self, session_id: str, reason: RevocationReason, origin: Origin
    ) -> Revoked:
        """End a session with all its tokens."""
        ended = await self.revoker.end_session(session_id, None, reason, origin)
        settled = await self.propagation.settle(About(sessions=(session_id,)))
        return Revoked(sessions=ended, effective_everywhere=settled)

    async def revoke_user(
        self, user_id: str, except_session_id: str, reason: RevocationReason, origin: Origin
    ) -> Revoked:
        """End all that the user holds, but for one session where it is given ("" for none)."""
        ended = await self.revoker.end_user_sessions(user_id, except_session_id, reason, origin)
        settled = await self.propagation.settle(about_user(user_id))
        return Revoked(sessions=ended, effective_everywhere=settled)
