"""ChangePassword and SetPassword: another password for a user, and what ends with the old one."""

from dataclasses import dataclass

from tokenauthority_server.domain.account_ports import CommonPasswords, PasswordStore
from tokenauthority_server.domain.errors import (
    AccessTokenInvalidError,
    InvalidCredentialsError,
    PasswordRefusedError,
    UserNotFoundError,
)
from tokenauthority_server.domain.logins import PasswordExchange
from tokenauthority_server.domain.passwords import check_new
from tokenauthority_server.domain.ports import Propagation
from tokenauthority_server.domain.revocations import about_user
from tokenauthority_server.domain.sessions import Origin
from tokenauthority_server.services.access_tokens import AccessTokens
from tokenauthority_server.services.checking import Checking
from tokenauthority_server.services.revoking import Revoked


@dataclass(frozen=True, slots=True)
class Passwords:
    """Exchanges passwords."""

    store: PasswordStore
    checking: Checking
    common: CommonPasswords
    access_tokens: AccessTokens
    propagation: Propagation

    async def set_password(self, user_id: str, password: str, origin: Origin) -> Revoked:
        """Set the password and end every session of the user.

        Raises PasswordRefusedError, UserNotFoundError (for a deleted user too), and OverloadedError
        when too many passwords wait to be hashed.
        """
        username = await self.store.username_of(user_id)
        await self._check_new(password, username)
        async with self.checking.turns.turn(origin.caller):
            new_hash = await self.checking.hasher.hash(password)
        exchange = PasswordExchange(
            user_id=user_id,
            name=self.checking.name_digest(username),
            form=self.checking.form_digest(username),
            verified=None,
            new_hash=new_hash,
        )
        return await self._exchanged(exchange, origin)

    async def change_password(
        self, access_token: str, old_password: str, new_password: str, origin: Origin
    ) -> Revoked:
        """Exchange the password of the token's user and end all sessions but the token's own.

        Raises AccessTokenInvalidError, PasswordRefusedError, and what Checking.proved raises.
        """
        claims = await self.access_tokens.claims(access_token)
        try:
            username = await self.store.username_of(claims.user_id)
        except UserNotFoundError as error:
            # Deleted just now, with all tokens.
            raise AccessTokenInvalidError from error
        await self._check_new(new_password, username)
        attempt = self.checking.attempt_within(
            claims.session_id, claims.device_id, username, origin
        )
        proof = await self.checking.proved(attempt, old_password, origin, replacement=new_password)
        if proof.account.user_id != claims.user_id or proof.new_hash is None:
            # Somebody else got the name just now.
            await self.checking.hold_back(proof.began)
            raise InvalidCredentialsError
        exchange = PasswordExchange(
            user_id=claims.user_id,
            name=attempt.name,
            form=attempt.form,
            own=attempt.own,
            verified=proof.account,
            new_hash=proof.new_hash,
            except_session_id=claims.session_id,
        )
        try:
            return await self._exchanged(exchange, origin)
        except InvalidCredentialsError:
            await self.checking.hold_back(proof.began)
            raise

    async def _check_new(self, password: str, username: str) -> None:
        check_new(password, username)
        if await self.common.holds(password):
            raise PasswordRefusedError("is among the commonest passwords")

    async def _exchanged(self, exchange: PasswordExchange, origin: Origin) -> Revoked:
        ended = await self.store.exchange(exchange, origin)
        settled = await self.propagation.settle(about_user(exchange.user_id))
        return Revoked(sessions=ended, effective_everywhere=settled)
