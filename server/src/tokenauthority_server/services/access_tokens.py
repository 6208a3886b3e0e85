"""Access tokens that are presented to act for their user."""

from dataclasses import dataclass

from tokenauthority_server.domain.callers import Rights
from tokenauthority_server.domain.errors import AccessTokenInvalidError
from tokenauthority_server.domain.tokens import Claims, TokenType
from tokenauthority_server.services.validating import Validating

_NO_REASONS = Rights()


@dataclass(frozen=True, slots=True)
class AccessTokens:
    """Takes good access tokens, and no others."""

    validating: Validating

    async def claims(self, token: str) -> Claims:
        """Return what a good token says; raise AccessTokenInvalidError, which says no reason."""
        verdict = await self.validating.validate(token, TokenType.ACCESS, _NO_REASONS)
        if verdict.claims is None:
            raise AccessTokenInvalidError
        return verdict.claims
