"""Which sessions an administrator means."""

from dataclasses import astuple, dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionCriteria:
    """Sessions that meet all of what is set; what is empty or None asks nothing.

    `ip_range` is a network in CIDR notation (RFC 4632) without host bits, `user_agent` a part of
    the agent, case and all, and `key_id` the key that signed the current refresh token.
    """

    user_id: str = ""
    device_id: str = ""
    ip_range: str = ""
    user_agent: str = ""
    create_time_before: datetime | None = None
    key_id: str = ""

    def __bool__(self) -> bool:
        """Tell whether anything is set."""
        return any(astuple(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionKey:
    """A session by its key, the order in which all of them are gone through."""

    user_id: str
    session_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """How far to go: `length` sessions after this one, or as far as `most` of them are meant."""

    length: int
    most: int
    after: SessionKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """What a stretch of the sessions came to, and where the next one begins (None: nowhere).

    `matched` counts the live sessions that met the criteria, `ended` those of them that were ended.
    `dead` are all that were to end, also those that count no more, or that somebody else has ended
    just before.
    """

    matched: int
    ended: int
    end: SessionKey | None
    dead: tuple[SessionKey, ...] = ()
