"""Rounds of windows: each side in turn is warmed, loaded for a while, and watched meanwhile."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.bottleneck import Bottleneck, Use, bottleneck
from benchmarks.crew import Loading
from benchmarks.figures import percentile
from benchmarks.load import Phase
from benchmarks.processes import Sample, family, sample, use

LEAD_SECONDS = 0.3
"""Load before each window: connections, prepared statements and caches are warm when it begins."""


class NothingAnsweredError(Exception):
    """A window without a single answer: there is nothing to compare."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How many rounds, and how long a window is."""

    rounds: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Side:
    """What is loaded. `server` and `store` are process ids."""

    name: str
    loading: Loading
    server: int
    store: int


@dataclass(frozen=True, slots=True)
class Window:
    """What one window of one side gave. Times are in milliseconds, rates in calls a second.

    `server_us` and `store_us` are microseconds of processor time for each call; `others` is what
    processes that are no part of the benchmark took of the machine, in cores.
    """

    calls: int
    rate: float
    p50: float
    p90: float
    p99: float
    longest: float
    failures: dict[str, int]
    server: Use
    store: Use
    drivers: tuple[Use, ...]
    server_us: float
    store_us: float
    others: float
    bottleneck: Bottleneck


def run(sides: Sequence[Side], pace: Pace) -> dict[str, list[Window]]:
    """Return the windows of each side by its name; the first of each is only to warm up."""
    windows: dict[str, list[Window]] = {side.name: [] for side in sides}
    for _ in range(pace.rounds + 1):
        for side in sides:
            windows[side.name].append(_window(side, pace.seconds))
    return {name: found[1:] for name, found in windows.items()}


def _window(side: Side, seconds: float) -> Window:
    begin = time.monotonic() + LEAD_SECONDS
    phase = Phase(side.name, begin, begin + seconds)
    side.loading.start(phase)
    before = _watch(side, begin)
    after = _watch(side, phase.end)
    outcome = side.loading.finish()
    server, store, *drivers = (
        use(earlier, later) for earlier, later in zip(before, after, strict=True)
    )
    wall = after[0].moment - before[0].moment
    if not outcome.took:
        raise NothingAnsweredError(f"{side.name} answered nothing: {dict(outcome.failures)}")
    took = [1000 * one for one in outcome.took]
    rate = len(outcome.took) / seconds
    return Window(
        calls=len(took),
        rate=rate,
        p50=percentile(took, 0.50),
        p90=percentile(took, 0.90),
        p99=percentile(took, 0.99),
        longest=max(took),
        failures=dict(outcome.failures),
        server=server,
        store=store,
        drivers=tuple(drivers),
        server_us=1e6 * server.cores / rate,
        store_us=1e6 * store.cores / rate,
        others=_others(before, after, wall, (server, store, *drivers)),
        bottleneck=bottleneck(server, store, drivers),
    )


def _watch(side: Side, moment: float) -> list[Sample]:
    """Wait for the moment, and return a sample of the server, of its store and of each driver."""
    time.sleep(max(0.0, moment - time.monotonic()))
    return [
        # With several workers it has children.
        sample(family(side.server)),
        sample(family(side.store)),
        *(sample([d]) for d in side.loading.pids),
    ]


def _others(
    before: Sequence[Sample], after: Sequence[Sample], wall: float, ours: Sequence[Use]
) -> float:
    machine = (after[0].machine - before[0].machine) / wall
    return max(0.0, machine - sum(one.cores for one in ours))
