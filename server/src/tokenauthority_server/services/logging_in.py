"""Login: a session for whoever knows the password."""

from dataclasses import dataclass

from tokenauthority_server.domain.account_ports import LoginStore
from tokenauthority_server.domain.errors import InvalidCredentialsError
from tokenauthority_server.domain.logins import Credentials, Opening
from tokenauthority_server.domain.sessions import (
    CreateRequest,
    Device,
    Grant,
    NewSession,
    Origin,
)
from tokenauthority_server.domain.tokens import TokenPair
from tokenauthority_server.services.checking import Checking
from tokenauthority_server.services.issuing import Issuing


@dataclass(frozen=True, slots=True)
class LoggingIn:
    """Logs people in."""

    checking: Checking
    logins: LoginStore
    issuing: Issuing

    async def login(
        self, credentials: Credentials, device: Device, scope: tuple[str, ...], origin: Origin
    ) -> TokenPair:
        """Open a session on the device and return its pair.

        Raises what Checking.proved and LoginStore.open raise, and ProfileTooLargeError.
        """
        # What fits no token is refused before it is an attempt that nobody settles.
        self.issuing.minting.budget(device.device_id, scope)
        checking = self.checking
        attempt = checking.attempt(credentials.username, device, origin)
        proof = await checking.proved(attempt, credentials.password, origin)

        async def open_session(new: NewSession) -> Grant:
            opening = Opening(
                attempt=attempt,
                known_source=proof.known_source,
                account=proof.account,
                new=new,
                new_hash=proof.new_hash,
            )
            return await self.logins.open(opening, checking.limits, self.issuing.lifetimes, origin)

        request = CreateRequest(user_id=proof.account.user_id, device=device, scope=scope)
        try:
            return await self.issuing.open(request, open_session)
        except InvalidCredentialsError:
            await checking.hold_back(proof.began)
            raise
