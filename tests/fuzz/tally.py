"""What became of the inputs of one target, in a file that another process may read any time."""

import json
import os
from collections import Counter
from pathlib import Path
from typing import Final

EVERY: Final = 500
"""Inputs after which the file is written anew."""


class Tally:
    """Counts into a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._counts: Counter[str] = Counter()

    def count(self, outcome: str) -> int:
        """Add one, and return how many there are now."""
        self._counts[outcome] += 1
        total = self._counts.total()
        if total % EVERY == 0:
            self.write()
        return total

    def write(self) -> None:
        """Exchange the file's content all at once."""
        fresh = self._path.with_suffix(".new")
        fresh.write_text(json.dumps(self._counts))
        os.replace(fresh, self._path)  # noqa: PTH105 - over the former one on any system


def read(path: Path) -> Counter[str]:
    """What was counted so far."""
    return Counter(json.loads(path.read_text())) if path.exists() else Counter()
