"""The contract's enums, by name. A name that is newer than this client reads as UNRECOGNIZED."""

from enum import StrEnum


class TokenType(StrEnum):
    """Which token of a pair."""

    ACCESS = "ACCESS"
    """Short-lived, presented with each request."""
    REFRESH = "REFRESH"
    """Longer-lived, exchanged for a new pair."""
    UNRECOGNIZED = "UNRECOGNIZED"
    """Newer than this client."""


class InactiveReason(StrEnum):
    """Why a token is not active."""

    MALFORMED = "MALFORMED"
    """It is no token of the authority's by its form."""
    BAD_SIGNATURE = "BAD_SIGNATURE"
    """The signature does not match."""
    UNKNOWN_KEY = "UNKNOWN_KEY"
    """The key that it names is not known."""
    WRONG_ISSUER = "WRONG_ISSUER"
    """Another issuer's."""
    WRONG_AUDIENCE = "WRONG_AUDIENCE"
    """For another audience."""
    WRONG_TYPE = "WRONG_TYPE"
    """A refresh token where an access token is expected, or the reverse."""
    NOT_YET_VALID = "NOT_YET_VALID"
    """Issued in the future."""
    EXPIRED = "EXPIRED"
    """Past its expiry."""
    TOKEN_REVOKED = "TOKEN_REVOKED"  # noqa: S105 - a name
    """Revoked by itself; or a refresh token that has been rotated."""
    SESSION_REVOKED = "SESSION_REVOKED"
    """Its session has ended."""
    USER_REVOKED = "USER_REVOKED"
    """The user's sessions were ended, or the user lost a right that it carries."""
    KEY_REVOKED = "KEY_REVOKED"
    """The key that signed it was revoked."""
    SESSION_EXPIRED = "SESSION_EXPIRED"
    """Its session has expired."""
    INVALID = "INVALID"
    """One of the above: this caller may not see which."""
    UNRECOGNIZED = "UNRECOGNIZED"
    """Newer than this client."""


class RevocationReason(StrEnum):
    """Why something was revoked. Only the first four may be claimed by a caller."""

    LOGOUT = "LOGOUT"
    """The user logged out."""
    LOGOUT_ALL = "LOGOUT_ALL"
    """The user logged out everywhere."""
    ADMIN = "ADMIN"
    """An administrator's decision."""
    PASSWORD_CHANGED = "PASSWORD_CHANGED"  # noqa: S105 - a name
    """The password changed."""
    PROFILE_CHANGED = "PROFILE_CHANGED"
    """The user lost a role or a permission."""
    REUSE_DETECTED = "REUSE_DETECTED"
    """A rotated refresh token was presented again."""
    USER_DISABLED = "USER_DISABLED"
    """The user was disabled or locked."""
    USER_DELETED = "USER_DELETED"
    """The user was deleted."""
    SESSION_LIMIT = "SESSION_LIMIT"
    """A newer session took its place."""
    KEY_REVOKED = "KEY_REVOKED"
    """The signing key was revoked."""
    UNRECOGNIZED = "UNRECOGNIZED"
    """Newer than this client."""


class CheckSource(StrEnum):
    """What a verdict rests on, when the token alone did not decide."""

    LEASED_VIEW = "LEASED_VIEW"
    """The authority's view of all revocations, held under a lease."""
    DATABASE = "DATABASE"
    """The database, asked for this call."""
    UNRECOGNIZED = "UNRECOGNIZED"
    """Newer than this client."""


class WatchMode(StrEnum):
    """Whether revocations wait for a watcher."""

    STRICT = "STRICT"
    """They do: none is effective everywhere before the watcher has reported it."""
    RELAXED = "RELAXED"
    """They do not."""


class KeyState(StrEnum):
    """Where a signing key stands in its life."""

    PREPARED = "PREPARED"
    """Published, and not signing yet."""
    ACTIVE = "ACTIVE"
    """Signs."""
    RETIRED = "RETIRED"
    """Verifies only, until the last token that it signed has expired."""
    REVOKED = "REVOKED"
    """Neither signs nor verifies."""
    UNRECOGNIZED = "UNRECOGNIZED"
    """Newer than this client."""


class UserStatus(StrEnum):
    """Whether a user is let in."""

    ACTIVE = "ACTIVE"
    """Is let in."""
    DISABLED = "DISABLED"
    """Is kept out, until an administrator says otherwise."""
    LOCKED = "LOCKED"
    """Is kept out by an administrator, until a time where one is set."""
    UNRECOGNIZED = "UNRECOGNIZED"
    """Newer than this client."""
