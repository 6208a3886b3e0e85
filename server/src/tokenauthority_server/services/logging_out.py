"""Logout and LogoutAll."""

from dataclasses import dataclass

from tokenauthority_server.domain.revocations import RevocationReason
from tokenauthority_server.domain.sessions import Origin
from tokenauthority_server.services.access_tokens import AccessTokens
from tokenauthority_server.services.revoking import Revoked, Revoking


@dataclass(frozen=True, slots=True)
class LoggingOut:
    """Logs people out. Logging out twice is no error."""

    revoking: Revoking
    access_tokens: AccessTokens

    async def logout(self, refresh_token: str, origin: Origin) -> Revoked:
        """End the session of any refresh token that we signed; what is none ends nothing."""
        return await self.revoking.revoke_token(refresh_token, RevocationReason.LOGOUT, origin)

    async def logout_all(self, access_token: str, origin: Origin, *, keep_current: bool) -> Revoked:
        """End every session of the token's user, or all but its own.

        Raises AccessTokenInvalidError.
        """
        claims = await self.access_tokens.claims(access_token)
        kept = claims.session_id if keep_current else ""
        return await self.revoking.revoke_user(
            claims.user_id, kept, RevocationReason.LOGOUT_ALL, origin
        )
