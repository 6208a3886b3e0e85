"""Where a verifier and those who verify by what it passes on meet."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from tokenauthority_server.domain.revocation_ports import Position, Standing
from tokenauthority_server.domain.revocations import LiveFact


class Downstream(Protocol):
    """Those who verify by what this verifier passes on. Nothing of it waits or raises."""

    def applied(self, position: Position | None, facts: Sequence[LiveFact]) -> None:
        """Take what was applied, in order, after the view has it.

        `position` is the entry's; None for facts that were found in the database.
        """
        ...

    def begun_anew(self, standing: Standing) -> None:
        """Take the place from which `applied` goes on: another identity, or a gap."""
        ...

    def floor(self) -> Position | None:
        """Return the least place that a watcher with a running sub-lease has applied.

        None where nobody has one.
        """
        ...


class Facts(Protocol):
    """All facts that a verifier knows."""

    def items(self) -> Iterator[Sequence[LiveFact]]:
        """Return them in chunks. What changes meanwhile may be among them or not."""
        ...


class Upstream(Protocol):
    """The verifier, as those see it who verify by what it passes on."""

    @property
    def view(self) -> Facts:
        """What it has applied."""
        ...

    @property
    def standing(self) -> Standing | None:
        """The data set that it follows, and what it has applied of its log; None at first."""
        ...

    @property
    def reported(self) -> Position:
        """The greatest place that it has ever told this data set's log as its own.

        Set before the report is sent.
        """
        ...

    def lease_left(self) -> float:
        """Return the seconds that are left of its lease; 0 where it has none.

        It has none when it begins anew, nor before all that was committed until then is in `view`.
        """
        ...

    def report_soon(self) -> None:
        """Make it report without delay: the floor has moved."""
        ...
