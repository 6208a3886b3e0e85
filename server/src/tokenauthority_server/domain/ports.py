"""What the use cases need of the world, each port as small as its need.

Every asynchronous method raises StoreUnavailableError within a second when it cannot ask its store,
except where it says otherwise. A change is atomic: it is done and durable when the method returns,
and not half done when it raises. A change goes on to its end when its caller is cancelled.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Protocol

from tokenauthority_server.domain.keys import PublicKey
from tokenauthority_server.domain.metrics import TokenMetrics
from tokenauthority_server.domain.revocations import About, Check, Death, RevocationReason
from tokenauthority_server.domain.sessions import (
    Grant,
    Lifetimes,
    NewSession,
    Origin,
    Rotation,
    SessionCursor,
    SessionPage,
)
from tokenauthority_server.domain.tokens import Claims, VerifiedToken
from tokenauthority_server.domain.upkeep import Leftover
from tokenauthority_server.domain.users import Profile, UserStatus


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

    def may_sign(self, key_id: str, until: int) -> bool:
        """Return whether this key is known here, and signs what expires at `until` (Unix seconds).

        Raises StoreUnavailableError before any key is known.
        """
        ...

    def sign(self, claims: Claims) -> str:
        """Return the token for these claims, signed with the key that `claims.key_id` names.

        Issuer and audience are the signer's own. Raises StoreUnavailableError where that key is not
        known here, or may not sign this token any more.
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


class TokenMemory(Protocol):
    """Tokens that a TokenVerifier found good, under the keys that it knows now.

    No answer may rest on it but that a token is active: whoever may not see reasons would learn by
    the time that a token was good once.
    """

    def recall(self, token: str) -> VerifiedToken | None:
        """Return what `TokenVerifier.verify` would, or None where that is not remembered.

        Raises StoreUnavailableError before any key is known.
        """
        ...

    def forget(self, token: str) -> None:
        """Forget the token, where it is remembered."""
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
    """The life of sessions. All times are the store's own.

    A session is live while it has neither ended nor expired, its epoch is its user's, and the key
    that signed its current refresh token has not been revoked.
    """

    async def create(self, new: NewSession, lifetimes: Lifetimes, origin: Origin) -> Grant:
        """Open a session and return its grant; with a known request_id return the first one's.

        A profile in the request replaces the user's in the directory first; rights that it takes
        away become a fact in the same change. Of any number of concurrent calls none leads above
        the cap: the oldest sessions end, or SessionLimitReachedError is raised. Raises
        SigningKeyRevokedError when the new session's key has been revoked. Raises
        UserNotFoundError, UserNotAllowedError, UsernameTakenError, ProfileTooLargeError,
        RequestIdReusedError, RequestIdSpentError too; then nothing was changed.
        """
        ...

    async def rotate(self, rotation: Rotation, lifetimes: Lifetimes, origin: Origin) -> Grant:
        """Exchange a refresh token for its successor and return the grant.

        Of any number of concurrent calls exactly one rotates. The current token's parent, within
        the grace and not from another device, gets the same grant again, `replayed`. Anything else
        that was rotated ends the session in the same change, with REUSE_DETECTED, and raises
        RefreshTokenReusedError. What a revoked key signed counts as nothing, not even as reuse:
        RefreshTokenInvalidError; when it is the successor's key, SigningKeyRevokedError. Raises
        RefreshTokenExpiredError, SessionEndedError, UserNotAllowedError, ProfileTooLargeError.
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
        self,
        session_id: str,
        user_id: str | None,
        reason: RevocationReason,
        origin: Origin,
        *,
        presented_key_id: str = "",
    ) -> int:
        """End a session (of that user, where one is given); return 1 when it was live, else 0.

        `presented_key_id` is the key that signed the token by which it is named, if it is by one:
        what a revoked key signed ends nothing.
        """
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

    def check_now(self, claims: Claims) -> Check | None:
        """Return what `check` would, where that takes no question to a store; else None."""
        ...

    async def check(self, claims: Sequence[Claims]) -> Check:
        """Return, in the order asked, why each token is dead, or None for one that lives.

        Costs at most one question to a store, however many tokens there are.
        """
        ...


class Propagation(Protocol):
    """Makes committed revocations known to every verifier. Nothing of it raises."""

    async def settle(self, about: About) -> bool:
        """Return True when every verifier refuses what was revoked; False if that is not known.

        To be called when the revocation has been committed, also where its target was dead before:
        another call may still be on the way to make that known.
        """
        ...

    async def publish(self, about: About) -> bool:
        """Make it known without waiting for the verifiers; return whether that was done.

        For revocations in several steps: `settle` after the last one waits for all of them.
        """
        ...

    async def publish_new(self) -> None:
        """Publish what has been committed of late, and is not known here yet.

        For changes that nobody is kept waiting for, and of which only the store knows what they
        have ended.
        """
        ...


class UserDirectory(Protocol):
    """Where users stand. What keeps a user out ends the user's sessions in the same change."""

    async def set_status(
        self, user_id: str, status: UserStatus, locked_until: datetime | None, origin: Origin
    ) -> int:
        """Set the status; return how many live sessions that ended.

        `locked_until` belongs to LOCKED: None locks for good. DISABLED and LOCKED raise the epoch,
        with a fact whose reason is USER_DISABLED; setting what is set already changes nothing, and
        another `locked_until` only that. DELETED is refused: see `delete`. Raises
        UserNotFoundError, also for a tombstone.
        """
        ...

    async def delete(self, user_id: str, origin: Origin) -> int:
        """Make the user a tombstone; return how many live sessions that ended.

        The profile, the password and the username go, so that another user may take the name; the
        epochs stay, raised, so that no token of the user ever lives again. A tombstone deleted
        again returns 0. Raises UserNotFoundError for a user who never was.
        """
        ...


class TokenCounts(Protocol):
    """Counts of changes by day, and of live sessions."""

    async def fold(self) -> int:
        """Add up the days that are over and not added up yet; return how many those were.

        May be called at any time, by any number of processes.
        """
        ...

    async def count_live_sessions(self, at_most_every: timedelta) -> bool:
        """Count all live sessions, unless that was done this recently; return whether it was done.

        Of processes that ask at once, one counts.
        """
        ...

    async def read(self, day: date | None, user_id: str, device_id: str) -> TokenMetrics:
        """Return the counts of a day (None: today, UTC), of a user and of a device ("": of all).

        They are exact: what is not added up yet is added while reading. May be asked again after a
        failure.
        """
        ...


class Upkeep(Protocol):
    """Removes what matters no more. Any number of processes may do it at once.

    Nobody waits for it, so a call may take half a minute before StoreUnavailableError.
    """

    async def sweep(self, what: Leftover, batch: int, keep: timedelta) -> int:
        """Remove at most `batch` rows of this kind; return how many there were to remove.

        `keep` is for audit events and token metrics: how long they are kept. Of sessions, only
        those go that have ended or expired and whose last access token has expired as well; of
        facts, those that matter no more. A row that someone else works on is left for later.
        """
        ...

    async def turn_months(self, ahead: int, keep: timedelta) -> int:
        """Make the audit trail's months up to `ahead` from now, and drop those past `keep`.

        Returns how many were made and dropped. One that is held by a long reader is left for later.
        """
        ...


class ActivityLog(Protocol):
    """When sessions were last used: it may lose anything, and no answer depends on it."""

    def record(self, user_id: str, session_id: str, at: datetime) -> None:
        """Note a use, at most once a minute a session. Never waits and never raises."""
        ...

    async def read(self, user_id: str, session_ids: Sequence[str]) -> Mapping[str, datetime]:
        """Return the last use of those sessions that are known. Never raises."""
        ...
