"""What an import tells while it runs and when it has ended. No value of the file is in it."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO, Final, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from tokenauthority_server.domain.imports import REFUSALS, Imported
from tokenauthority_server.propagation import LATER
from tokenauthority_server.services.importing import Outcome

SHOWN: Final = 20
"""Refused lines that are printed; a report holds all of them."""

LINES_A_TELLING: Final = 10_000
"""Where nobody watches, a line is written after so many."""

_TOLD: Final = {
    Imported.CREATED: "created",
    Imported.CHANGED: "changed",
    Imported.UNCHANGED: "unchanged",
    Imported.PASSWORD_KEPT: "unchanged, but for a password that was set here since",
}


class Tally:
    """Counts what became of the lines, and writes down those that were refused."""

    def __init__(self, console: Console, report: TextIO | None) -> None:
        self._console = console
        self._report = report
        self._counts: Counter[Imported] = Counter()
        self._published = True
        self.lines = 0
        self.refused = 0

    def add(self, outcome: Outcome) -> None:
        """Count a line."""
        self.lines += 1
        self._published &= outcome.published
        problems = outcome.line.problems
        if outcome.imported in REFUSALS:
            problems = (REFUSALS[outcome.imported],)
        elif outcome.imported is not None:
            self._counts[outcome.imported] += 1
            return
        self.refused += 1
        told = f"line {outcome.line.number}: {'; '.join(problems)}"
        if self._report:
            self._report.write(f"{told}\n")
        if self.refused <= SHOWN:
            self._console.print(told, highlight=False, markup=False, soft_wrap=True)

    def details(self) -> dict[str, str]:
        """Return the counts for the audit trail."""
        return {one.value: str(count) for one, count in self._counts.items()} | {
            "refused": str(self.refused)
        }

    def sum_up(self, *, dry_run: bool) -> None:
        """Print what it came to."""
        if self.refused > SHOWN:
            more = self.refused - SHOWN
            advice = "" if self._report else "; --report FILE writes all of them down"
            self._console.print(f"and {more} refused lines more{advice}", highlight=False)
        table = Table("users", "lines")
        table.columns[1].justify = "right"
        for one, told in _TOLD.items():
            table.add_row(told, str(self._counts[one]))
        table.add_row("refused", str(self.refused))
        self._console.print(table)
        if dry_run:
            self._console.print("This was a dry run: nothing was changed.", highlight=False)
        if not self._published:
            self._console.print(LATER, highlight=False)


@contextmanager
def watching(
    console: Console, stream: BinaryIO, size: int | None
) -> Iterator[Callable[[Tally], None]]:
    """Give what shows how far it is: a bar on a terminal, and lines where there is none."""
    columns = (SpinnerColumn(), BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task("", total=size)

        def show(tally: Tally) -> None:
            if console.is_terminal:
                progress.update(
                    task,
                    completed=stream.tell() if size else None,
                    description=f"{tally.lines} lines, {tally.refused} of them refused",
                )
            elif tally.lines % LINES_A_TELLING == 0:
                console.print(f"{tally.lines} lines so far", highlight=False)

        yield show
