"""From windows to a row: the ratios, and the verdict by the budget."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from benchmarks.bottleneck import Bottleneck
from benchmarks.figures import Spread, ratio
from benchmarks.trial import Window

FEW = 0.001
"""Up to this share of a side's calls may fail: a shared machine can hold one up too long."""


class Verdict(StrEnum):
    MET = "met"
    NOT_YET = "not yet met"
    BROKEN = "broken"
    DRIVER_BOUND = "driver-bound"
    FAILED = "calls failed"
    SHOWN = "no budget"

    @property
    def fails(self) -> bool:
        """Whether it fails the run: a budget that holds now is broken, or nothing was measured."""
        return self in {Verdict.BROKEN, Verdict.DRIVER_BOUND, Verdict.FAILED}


@dataclass(frozen=True, slots=True)
class Line:
    """One figure of a row, as it is shown."""

    what: str
    ours: str
    bare: str = ""
    ratio: str = ""
    budget: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One benchmark; `details` is what the JSON has beside the lines."""

    id: str
    compares: str
    lines: tuple[Line, ...]
    verdict: Verdict
    details: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Budget:
    """At least so much of the bare rate, and at most so many times its p99."""

    rate: float
    p99: float | None = None
    is_open: bool = False
    """Whether a later release closes it: until then it fails no run."""

    def verdict(self, rate: float, p99: float) -> Verdict:
        if rate >= self.rate and (self.p99 is None or p99 <= self.p99):
            return Verdict.MET
        return Verdict.NOT_YET if self.is_open else Verdict.BROKEN


def compare(
    name: str, what: str, compares: str, budget: Budget, sides: Mapping[str, Sequence[Window]]
) -> Row:
    """Return the row of `sides`, which has "ours" and "bare", and may have others beside them."""
    ours, bare = sides["ours"], sides["bare"]
    rate, p50, p99, processor = (
        ratio([read(one) for one in ours], [read(one) for one in bare])
        for read in (_rate, _p50, _p99, _processor)
    )
    lines = [
        _line(f"{what}, calls/s", _rate, sides, rate, f"≥ {budget.rate:g}"),
        _line("p50, ms", _p50, sides, p50),
        _line("p99, ms", _p99, sides, p99, f"≤ {budget.p99:g}" if budget.p99 else ""),
        _line("server's processor, µs/call", _processor, sides, processor),
        _line("store's processor, µs/call", _store, sides),
        _line("other processes, cores", _others, sides),
    ]
    lines += [
        Line(f"{other}, calls/s", "", _median(_rate, windows))
        for other, windows in sides.items()
        if other not in {"ours", "bare"}
    ]
    if any(_failures(windows) for windows in sides.values()):
        lines.append(Line("failed calls", str(_failures(ours)), str(_failures(bare))))
    return Row(
        id=name,
        compares=compares,
        lines=tuple(lines),
        verdict=_verdict(budget, rate.median, p99.median, sides),
        details={
            "ratios": {"rate": asdict(rate), "p99": asdict(p99), "processor": asdict(processor)},
            "sides": {other: [asdict(one) for one in windows] for other, windows in sides.items()},
        },
    )


def is_driver_bound(windows: Sequence[Window]) -> bool:
    """Tell whether most windows of a side were held back by what loaded them."""
    bound = sum(one.bottleneck is Bottleneck.DRIVER for one in windows)
    return 2 * bound > len(windows)


def _verdict(
    budget: Budget, rate: float, p99: float, sides: Mapping[str, Sequence[Window]]
) -> Verdict:
    if any(_failures(windows) > FEW * sum(w.calls for w in windows) for windows in sides.values()):
        return Verdict.FAILED
    if any(is_driver_bound(windows) for windows in sides.values()):
        return Verdict.DRIVER_BOUND
    return budget.verdict(rate, p99)


def _failures(windows: Sequence[Window]) -> int:
    return sum(sum(one.failures.values()) for one in windows)


def _line(
    what: str,
    read: Callable[[Window], float],
    sides: Mapping[str, Sequence[Window]],
    between: Spread | None = None,
    budget: str = "",
) -> Line:
    ours, bare = _median(read, sides["ours"]), _median(read, sides["bare"])
    return Line(what, ours, bare, str(between or ""), budget)


def _median(read: Callable[[Window], float], windows: Sequence[Window]) -> str:
    median = Spread.of([read(one) for one in windows]).median
    return f"{median:,.0f}" if median >= 100 else f"{median:.2f}" if median < 1 else f"{median:.1f}"


def _rate(window: Window) -> float:
    return window.rate


def _p50(window: Window) -> float:
    return window.p50


def _p99(window: Window) -> float:
    return window.p99


def _processor(window: Window) -> float:
    return window.server_us


def _store(window: Window) -> float:
    return window.store_us


def _others(window: Window) -> float:
    return window.others
