"""What runs of the fault tests have done: rounds with their progress, and a table at the end."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from faults.harness.history import History

PROGRESS_SECONDS = 30

Measured = Callable[[History], None]
"""Takes in how long the revocations of a test took."""


@dataclass
class Done:
    """One test's part of a row."""

    row: int
    what: str
    rounds: int
    of: int
    seconds: float = 0.0
    result: str = "not finished"
    times: dict[str, list[float]] = field(default_factory=dict)
    """Seconds by what was wrong meanwhile: half of them took no longer than the first, 99 of 100 no
    longer than the second, and none longer than the last."""
    date: str = field(default_factory=lambda: datetime.now(UTC).date().isoformat())


class Report:
    """Filled by the tests, shown at the end."""

    def __init__(self, say: Callable[[str], None] | None) -> None:
        self.done: dict[str, list[Done]] = {}
        """By the test's id, as the next."""
        self.lines: dict[str, list[str]] = {}
        """What histories tell people."""
        self._say = say

    def counted(self, test: str, what: str, row: int, number: int) -> Iterator[int]:
        """Yield the numbers of rounds; a round is done when the next one is asked for."""
        done = Done(row, what, 0, number)
        self.done.setdefault(test, []).append(done)
        began = said = time.monotonic()
        for one in range(number):
            yield one
            done.rounds = one + 1
            now = time.monotonic()
            done.seconds = now - began
            if self._say and now - said > PROGRESS_SECONDS:
                said = now
                self._say(f"row {row}, {what}: {done.rounds} of {number} in {done.seconds:.0f} s")

    def measured(self, test: str, history: History) -> None:
        """Take in how long revocations took, and have it shown."""
        self.lines[test] = history.lines()
        for one in self.done.get(test, ()):
            one.times = history.figures()

    def ended(self, test: str, result: str, seconds: float) -> None:
        for one in self.done.get(test, ()):
            one.result = result
            one.seconds = seconds

    def table(self) -> list[str]:
        """The lines of the table."""
        rows = [
            (str(one.row), f"{one.rounds}/{one.of}", f"{one.seconds:.1f}", one.result, one.what)
            for one in self._sorted()
        ]
        head = ("row", "rounds", "seconds", "result", "what")
        widths = [max(len(line[at]) for line in [head, *rows]) for at in range(4)]
        return [
            "  ".join(cell.rjust(width) for cell, width in zip(line, [*widths, 0], strict=True))
            for line in [head, *rows]
        ]

    def told(self) -> list[str]:
        """What histories tell people, under the names of their tests."""
        return [line for test, lines in self.lines.items() for line in (test, *lines)]

    def write(self, path: Path) -> None:
        """Put what this run did in the place of what earlier ones did of the same; keep the rest.

        So the rows can be run in portions.
        """
        found: list[dict[str, Any]] = json.loads(path.read_text("utf-8")) if path.exists() else []
        merged = {(one["row"], one["what"]): one for one in found}
        merged |= {(one.row, one.what): asdict(one) for one in self._sorted()}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps([merged[key] for key in sorted(merged)], indent=2) + "\n")

    def _sorted(self) -> list[Done]:
        found = [one for several in self.done.values() for one in several]
        return sorted(found, key=lambda one: (one.row, one.what))
