"""From a session's grant to its signed pair; shared by all that hand out pairs."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from tokenauthority_server.domain.errors import (
    ProfileTooLargeError,
    SigningKeyRevokedError,
    StoreUnavailableError,
)
from tokenauthority_server.domain.key_ports import KeyUpdates
from tokenauthority_server.domain.ports import TokenIds, TokenSigner
from tokenauthority_server.domain.sessions import Grant
from tokenauthority_server.domain.tokens import Claims, TokenPair, TokenType, fingerprint


@dataclass(frozen=True, slots=True)
class Minting:
    """Signs pairs. The same grant always gives the same ids, times and claims."""

    signer: TokenSigner
    ids: TokenIds
    keys: KeyUpdates

    def budget(self, device_id: str, scope: Sequence[str]) -> int:
        """Return the bytes left for a profile; raise ProfileTooLargeError when there are none."""
        budget = self.signer.profile_budget(device_id, scope)
        if budget < 0:
            raise ProfileTooLargeError
        return budget

    async def granted(self, change: Callable[[str], Awaitable[Grant]]) -> Grant:
        """Return the grant of a change that is made under the id of the key that signs.

        Where that key has been revoked and this process had not heard of it, the change is made
        once more, under the key that signs now.
        """
        try:
            return await change(self.signer.active_key_id())
        except SigningKeyRevokedError:
            await self.keys.catch_up()
        try:
            return await change(self.signer.active_key_id())
        except SigningKeyRevokedError as error:
            raise StoreUnavailableError("the store of the signing keys") from error

    async def pair(self, grant: Grant, candidates: Sequence[str]) -> TokenPair:
        """Return the pair of the grant.

        `candidates` are the ids that its refresh token may have; the grant's fingerprint tells
        which. When none matches, the grant was made under a KEY_ENCRYPTION_KEY that this process
        lacks, so another process has to answer: StoreUnavailableError.
        """
        refresh_id = next(
            (one for one in candidates if fingerprint(one) == grant.refresh_fingerprint), None
        )
        if refresh_id is None:
            raise StoreUnavailableError("the key of this refresh token")
        if not self.signer.may_sign(grant.key_id, int(grant.refresh_expire_time.timestamp())):
            # Another replica granted it, by a key or for a time that this one has not heard of.
            await self.keys.catch_up()
        issue_time = int(grant.issue_time.timestamp())
        refresh = Claims(
            token_type=TokenType.REFRESH,
            user_id=grant.profile.user_id,
            session_id=grant.session_id,
            token_id=refresh_id,
            issue_time=issue_time,
            expire_time=int(grant.refresh_expire_time.timestamp()),
            epoch=grant.epoch,
            key_id=grant.key_id,
            device_id=grant.device_id,
            scope=grant.scope,
        )
        access = Claims(
            token_type=TokenType.ACCESS,
            user_id=grant.profile.user_id,
            session_id=grant.session_id,
            token_id=self.ids.access(refresh_id, grant.generation),
            issue_time=issue_time,
            expire_time=int(grant.access_expire_time.timestamp()),
            epoch=grant.epoch,
            key_id=grant.key_id,
            device_id=grant.device_id,
            scope=grant.scope,
            username=grant.profile.username,
            email=grant.profile.email,
            roles=grant.profile.roles,
            permissions=grant.profile.permissions,
            profile_epoch=grant.profile_epoch,
        )
        return TokenPair(
            access_token=self.signer.sign(access),
            refresh_token=self.signer.sign(refresh),
            session_id=grant.session_id,
            expires_in=max(0, int((grant.access_expire_time - grant.now).total_seconds())),
            access_expire_time=grant.access_expire_time,
            refresh_expire_time=grant.refresh_expire_time,
        )
