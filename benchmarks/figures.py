"""The arithmetic of the benchmarks: percentiles, medians, and ratios taken round by round."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


def percentile(values: Sequence[float], share: float) -> float:
    """Return the nearest-rank percentile: the least value that `share` of them do not exceed."""
    if not values:
        raise ValueError("There is no percentile of nothing.")
    rank = max(1, math.ceil(share * len(values)))
    return sorted(values)[rank - 1]


@dataclass(frozen=True, slots=True)
class Spread:
    """A median, and between what it lies."""

    median: float
    lowest: float
    highest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        return cls(statistics.median(values), min(values), max(values))

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.lowest:.2f} to {self.highest:.2f})"


def ratio(ours: Sequence[float], bare: Sequence[float]) -> Spread:
    """Return the spread of ours to bare, each round compared with itself alone."""
    return Spread.of([one / other for one, other in zip(ours, bare, strict=True)])
