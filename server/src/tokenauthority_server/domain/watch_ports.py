"""Those who verify by a view of their own, as the transport meets them."""

from collections.abc import AsyncGenerator
from enum import Enum, auto
from typing import Final, Protocol, TypeVar

LONGEST_CURSOR: Final = 256
"""In bytes; a data set's identity is far shorter."""

M = TypeVar("M")
M_co = TypeVar("M_co", covariant=True)


class WatchMode(Enum):
    """Whether revocations wait for a watcher; the names are the contract's."""

    STRICT = auto()
    RELAXED = auto()


class Watcher(Protocol[M_co]):
    """One stream. Messages are in the transport's form."""

    def messages(self) -> AsyncGenerator[M_co, None]:
        """Yield what the watcher is to be told, for ever, and at least one in each heartbeat.

        Raises OverloadedError where it had better be resumed elsewhere, and what `fail` was given.
        """
        ...

    def report(self, report_id: int, applied_cursor: str) -> None:
        """Take a report; raise InvalidRequestError for one that cannot be true."""
        ...

    def fail(self, error: BaseException) -> None:
        """End the messages with this."""
        ...


class Watchers(Protocol[M]):
    """All streams of this process."""

    def join(self, mode: WatchMode, resume_cursor: str) -> Watcher[M]:
        """Return a new watcher, which has to `leave`; a cursor of "" begins with a snapshot.

        Raises InvalidRequestError for what is no cursor, and OverloadedError where there are too
        many, or the server stops.
        """
        ...

    def leave(self, watcher: Watcher[M]) -> None:
        """Tell it nothing more. Its sub-lease goes on: only time ends that."""
        ...
