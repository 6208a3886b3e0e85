"""Recognising a token as ours, also one of a key that this process has not heard of yet."""

from dataclasses import dataclass

from tokenauthority_server.domain.key_ports import KeyUpdates
from tokenauthority_server.domain.ports import TokenVerifier
from tokenauthority_server.domain.tokens import Claims, InactiveReason, TokenRefusedError


@dataclass(frozen=True, slots=True)
class Recognition:
    """Verifies tokens; keys are asked for only when a token names one that is not known."""

    verifier: TokenVerifier
    keys: KeyUpdates

    async def recognise(self, token: str) -> Claims:
        """Return the claims of a token that we signed.

        Raises TokenRefusedError, and StoreUnavailableError when the token's key is not known and
        the store of the keys cannot be asked: the token may be a good one.
        """
        try:
            return self.verifier.verify(token)
        except TokenRefusedError as error:
            if error.reason is not InactiveReason.UNKNOWN_KEY:
                raise
        await self.keys.catch_up()
        return self.verifier.verify(token)
