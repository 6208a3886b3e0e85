"""What it takes to spread revocations: the facts, the log of them, and a clock that never stops.

docs/revocation.md tells the protocol. Every asynchronous method raises StoreUnavailableError when
it cannot ask its store, within a second more than it was told to wait; it may be asked again then.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

from tokenauthority_server.domain.revocations import About, FactKey, LiveFact


class Ticks(Protocol):
    """A clock of durations. It also runs while the machine sleeps, and nobody can set it."""

    def now(self) -> float:
        """Return seconds from anywhere."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after so many of them, or somewhat later."""
        ...


class Position(NamedTuple):
    """A place in the log; later entries have greater ones."""

    milliseconds: int
    number: int

    def __str__(self) -> str:
        return f"{self.milliseconds}-{self.number}"


BEGINNING: Final = Position(0, 0)
"""Before every entry."""


def position_of(text: str) -> Position:
    """Return the position that is written so; raise ValueError."""
    milliseconds, _, number = text.partition("-")
    return Position(int(milliseconds), int(number))


@dataclass(frozen=True, slots=True)
class Standing:
    """A place in the log of a data set, which is known by its identity."""

    identity: str
    position: Position


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Facts that were committed, at a place in the log. `previous` is the place before it.

    Whoever is not at `previous` when it comes to an entry has missed another one.
    """

    identity: str
    position: Position
    previous: Position
    facts: tuple[LiveFact, ...]


@dataclass(frozen=True, slots=True)
class Granted:
    """A row was made. `entries` are those after the place that was told, `end` is the log's."""

    entries: Sequence[Entry]
    end: Position


@dataclass(frozen=True, slots=True)
class Renewed:
    """A row was there, and has been moved on. `end` is the log's."""

    end: Position


@dataclass(frozen=True, slots=True)
class Struck:
    """There is no such row: a revoker may have stopped waiting for it."""


@dataclass(frozen=True, slots=True)
class OtherData:
    """The data set is another one, and nothing was done. Every lease under the former is over."""

    identity: str


@dataclass(frozen=True, slots=True)
class Row:
    """A verifier's row: how often it was renewed, and what its verifier has applied."""

    counter: int
    position: Position


@dataclass(frozen=True, slots=True)
class Rows:
    """All rows of a data set, by their names, and the end of its log."""

    identity: str
    end: Position
    rows: Mapping[str, Row] = field(default_factory=dict)


class RevocationLog(Protocol):
    """The log, and the rows of those who follow it. All of it can be lost at any moment.

    A method that does not find the data set whose identity it was told, does nothing. One that
    finds no identity, or one that another server has made, makes a new one, under which there are
    neither rows nor entries. Each method but the two that wait is one atomic step.
    """

    async def look(self) -> Standing:
        """Return the identity of the data set, and the end of its log."""
        ...

    async def append(self, facts: Sequence[LiveFact]) -> Standing:
        """Append the facts, which must have been committed, and return where. None is a barrier."""
        ...

    async def follow(self, after: Position, seconds: float) -> Sequence[Entry]:
        """Return the entries after this place, in order; wait for one as long as this."""
        ...

    async def grant(self, identity: str, row: str, position: Position) -> Granted | OtherData:
        """Make a row of this name and position, and return the entries after the position."""
        ...

    async def renew(
        self, identity: str, row: str, moved: Row, *, tell: bool
    ) -> Renewed | Struck | OtherData:
        """Set a row that exists, and whose counter is lower, or return Struck.

        With `tell`, wake those who wait for reports.
        """
        ...

    async def rows(self) -> Rows:
        """Return all rows."""
        ...

    async def wait_for_reports(self, seconds: float) -> None:
        """Return when a row has been moved or struck since the last call, or after so long.

        Nothing that is told before the first call is waited for. Not to be called twice at once.
        """
        ...

    async def strike(self, identity: str, row: str, counter: int) -> bool:
        """Take a row away if its counter is this one still, and wake those who wait for reports."""
        ...

    async def leave(self, row: str) -> None:
        """Take one's own row away, and wake those who wait for reports."""
        ...


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment of the database, exactly: what had been committed then, and what had not."""

    server: str
    snapshot: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts that were read at one moment."""

    facts: Sequence[LiveFact]
    mark: Mark


class FactStore(Protocol):
    """The facts, as they were committed: the truth."""

    async def about(self, about: About) -> Sequence[LiveFact]:
        """Return the live facts that stand there."""
        ...

    async def page(self, size: int, after: FactKey | None) -> Facts:
        """Return up to `size` live facts in the order of their keys, from after that one.

        Fewer than `size` are the last ones. The mark is of before the page was read.
        """
        ...

    async def since(self, mark: Mark) -> Facts | None:
        """Return every live fact that was committed or changed since the mark, and the new mark.

        None where nobody can tell, as the server is another one: then all has to be read anew.
        """
        ...
