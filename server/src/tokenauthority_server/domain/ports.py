"""What the use cases need of the world, each port as small as its need.

Every asynchronous method raises StoreUnavailableError within a second when it cannot ask its store,
except where it says otherwise. A change is atomic: it is done and durable when the method returns,
and not half done when it raises. A change goes on to its end when its caller is cancelled.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from tokenauthority_server.domain.keys import PublicKey
from tokenauthority_server.domain.revocations import Check, Death, RevocationReason
from tokenauthority_server.domain.sessions import (
    Grant,
    Lifetimes,
    NewSession,
    Origin,
    Rotation,
    SessionCursor,
    SessionPage,
)
from tokenauthority_server.domain.tokens import Claims
from tokenauthority_server.domain.users import Profile


class Clock(Protocol):
    """The verifier's clock: for tokens' own times and nothing else."""

    def now(self) -> datetime:
        """Return the time, with its zone."""
        ...


class Entropy(Protocol):
    """A source of unguessable names."""

    def session_id(self) -> str:
        """Return "sess_" and 32 random bytes in URL-safe base64 without padding."""
        ...


class TokenIds(Protocol):
    """Token ids that every process derives alike, so that a pair can be signed again.

    Several keys may be in use while KEY_ENCRYPTION_KEY is being changed: `first` and `successor`
    return one candidate for each, the one for new tokens first. Each id is 32 bytes in URL-safe
    base64 without padding, unguessable without the key.
    """

    def first(self, session_id: str) -> Sequence[str]:
        """Return the ids of the session's first refresh token."""
        ...

    def successor(self, token_id: str) -> Sequence[str]:
        """Return the ids of the refresh token that follows the one with this id."""
        ...

    def access(self, refresh_token_id: str, generation: int) -> str:
        """Return the id of the access token that is paired with this refresh token."""
        ...


class TokenSigner(Protocol):
    """Signs tokens (RFC 7515, compact)."""

    def active_key_id(self) -> str:
        """Return the id of the key that signs now.

        Raises StoreUnavailableError before one is known.
        """
        ...

    def sign(self, claims: Claims) -> str:
        """Return the token for these claims.

        Issuer and audience are the signer's own. `claims.key_id` is used where that key can still
        sign, else the active key.
        """
        ...

    def profile_size(self, profile: Profile) -> int:
        """Return the bytes that the profile takes of a token's payload."""
        ...

    def profile_budget(self, device_id: str, scope: Sequence[str]) -> int:
        """Return the bytes of payload that a token of this device and scope leaves for a profile.

        Negative when device and scope alone are too much. A profile of at most this size gives
        tokens within MAX_TOKEN_BYTES whatever their times and epochs.
        """
        ...


class TokenVerifier(Protocol):
    """Verifies what a token alone can tell."""

    def verify(self, token: str) -> Claims:
        """Return the claims of a token that we signed, for our audience of its type.

        Work is bounded whatever the token. Times are not looked at. Raises TokenRefusedError;
        raises StoreUnavailableError before any key is known.
        """
        ...


class PublicKeys(Protocol):
    """The keys that verify tokens."""

    def public_keys(self) -> Sequence[PublicKey]:
        """Return them, newest first, without any secret."""
        ...


class PageTokens(Protocol):
    """Opaque page tokens that cannot be altered, nor used for another request."""

    def seal(self, request: str, cursor: str) -> str:
        """Return a page token for `cursor` that opens only for the same `request`."""
        ...

    def open(self, request: str, token: str) -> str:
        """Return the cursor; raise ValueError when the token is altered or another request's."""
        ...


class SessionStore(Protocol):
    """The life of sessions. All times are the store's own."""

    async def create(self, new: NewSession, lifetimes: Lifetimes, origin: Origin) -> Grant:
        """Open a session and return its grant; with a known request_id return the first one's.

        A profile in the request replaces the user's in the directory first; rights that it takes
        away become a fact in the same change. Raises UserNotFoundError, UserNotAllowedError,
        UsernameTakenError, ProfileTooLargeError, RequestIdReusedError, RequestIdSpentError; then
        nothing was changed.
        """
        ...

    async def rotate(self, rotation: Rotation, lifetimes: Lifetimes, origin: Origin) -> Grant:
        """Exchange a refresh token for its successor and return the grant.

        Of any number of concurrent calls exactly one rotates. The current token's parent, within
        the grace and not from another device, gets the same grant again, `replayed`. Anything else
        that was rotated ends the session in the same change, with REUSE_DETECTED, and raises
        RefreshTokenReusedError. Raises RefreshTokenExpiredError, SessionEndedError,
        UserNotAllowedError, ProfileTooLargeError.
        """
        ...

    async def refresh_token_deaths(self, claims: Sequence[Claims]) -> Sequence[Death | None]:
        """Return, in the order asked, why each refresh token cannot be used now, or None.

        Costs one question to the store. Never counts as a use. May be asked again after a failure.
        """
        ...

    async def page(self, user_id: str, size: int, after: SessionCursor | None) -> SessionPage:
        """Return up to `size` of the user's live sessions, newest first, after the cursor.

        `last_activity_time` is when the session was created or last refreshed. May be asked again
        after a failure.
        """
        ...


class SessionRevoker(Protocol):
    """Changes that end what is alive. All of them may be repeated; the second time counts nothing.

    A session ends together with its fact. What is unknown or already dead counts zero.
    """

    async def revoke_token(self, claims: Claims, reason: RevocationReason, origin: Origin) -> int:
        """Kill an access token; return 1 when it was alive, else 0."""
        ...

    async def end_session(
        self, session_id: str, user_id: str | None, reason: RevocationReason, origin: Origin
    ) -> int:
        """End a session (of that user, where one is given); return 1 when it was live, else 0."""
        ...

    async def end_user_sessions(
        self, user_id: str, except_session_id: str, reason: RevocationReason, origin: Origin
    ) -> int:
        """End all of a user's sessions but the excepted one; return how many were live.

        The rows written do not depend on how many sessions there are. Only a live session of that
        user is excepted.
        """
        ...


class RevocationView(Protocol):
    """What has been revoked, as the validation of tokens sees it."""

    async def check(self, claims: Sequence[Claims]) -> Check:
        """Return, in the order asked, why each token is dead, or None for one that lives.

        Costs at most one question to a store, however many tokens there are.
        """
        ...

    async def settle(self) -> bool:
        """Wait until every verifier refuses all that was revoked before; False if not known.

        Called after a revocation was committed. Raises nothing.
        """
        ...


class ActivityLog(Protocol):
    """When sessions were last used: it may lose anything, and no answer depends on it."""

    def record(self, user_id: str, session_id: str, at: datetime) -> None:
        """Note a use. Never waits and never raises."""
        ...

    async def read(self, user_id: str, session_ids: Sequence[str]) -> Mapping[str, datetime]:
        """Return the last use of those sessions that are known. Never raises."""
        ...
