"""PutUser, GetUser and ListUsers: the directory in an administrator's hands."""

from collections.abc import Sequence
from dataclasses import dataclass

from tokenauthority_server.domain.admin_ports import UserStore
from tokenauthority_server.domain.errors import ProfileTooLargeError
from tokenauthority_server.domain.ports import PageTokens, Propagation, TokenSigner
from tokenauthority_server.domain.revocations import about_user
from tokenauthority_server.domain.sessions import Origin
from tokenauthority_server.domain.users import Profile, User
from tokenauthority_server.services.paging import cursor_of, size_of


@dataclass(frozen=True, slots=True)
class PutUser:
    """The user as it is now, and whether every verifier refuses the rights that went."""

    user: User
    effective_everywhere: bool


@dataclass(frozen=True, slots=True)
class ListedUsers:
    """A page. `next_page_token` is empty on the last one."""

    users: Sequence[User]
    next_page_token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Users:
    """Reads and writes profiles."""

    store: UserStore
    signer: TokenSigner
    propagation: Propagation
    page_tokens: PageTokens

    async def put(self, profile: Profile, origin: Origin) -> PutUser:
        """Create the user, or replace the profile whole; a deleted one comes back.

        Raises UsernameTakenError, and ProfileTooLargeError for one that no token could carry, even
        without a device and a scope.
        """
        size = self.signer.profile_size(profile)
        if size > self.signer.profile_budget("", ()):
            raise ProfileTooLargeError
        user = await self.store.put(profile, size, origin)
        settled = await self.propagation.settle(about_user(profile.user_id))
        return PutUser(user, effective_everywhere=settled)

    async def by_id(self, user_id: str) -> User:
        """Return the user; raise UserNotFoundError for one who is deleted or never was."""
        return await self.store.by_id(user_id)

    async def by_username(self, username: str) -> User:
        """Return the user; raise UserNotFoundError where nobody holds the username."""
        return await self.store.by_username(username)

    async def list_users(self, prefix: str, page_size: int, page_token: str) -> ListedUsers:
        """Return a page of the users whose username begins so; a `page_size` of 0 is the default.

        Raises InvalidRequestError for a page token that is altered or of another request.
        """
        binding = f"ListUsers {prefix}"
        after = cursor_of(self.page_tokens, binding, page_token)
        page = await self.store.page(prefix, size_of(page_size), after)
        return ListedUsers(
            page.users, self.page_tokens.seal(binding, page.cursor) if page.cursor else ""
        )
