"""`python -m benchmarks`: measure, print the table, write the JSON, and exit with what it means."""

import argparse
import logging
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import structlog
from rich.console import Console

from benchmarks import (
    caller_checks,
    calls,
    key_loading,
    large_view,
    machine,
    report,
    revoking,
    startup,
    tokens,
    two_workers,
)
from benchmarks.authority import NotReadyError
from benchmarks.rows import Row
from benchmarks.stores import Stores, stores
from benchmarks.trial import NothingAnsweredError, Pace
from tokenauthority_server.embedded import EmbeddedStoreError

TOKENS = ("T1", "T2", "T3", "T4")
IDS = (*calls.MEASURES, "P6", "P8", "P9", "P10", *TOKENS)
WIDTH = 120
"""Where there is no terminal that has one."""
OUTPUT = Path("build/benchmarks.json")


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 when all that must hold now holds and everything could be measured, else 1."""
    options = _options(arguments)
    if not Path("/proc/self/schedstat").exists():
        print("The benchmarks read what Linux counts under /proc, which is not here.")
        return 1
    rows: list[Row] = []
    facts = machine.facts() | {"quick": options.quick}
    ids = options.only or IDS
    try:
        rows.extend(_told(_measure_tokens(ids, quick=options.quick)))
        if not set(ids) <= set(TOKENS):
            with tempfile.TemporaryDirectory(prefix="benchmarks-") as name:
                folder = Path(name)
                folder.chmod(0o711)  # root's stores may run as another user
                with stores(folder) as up:
                    facts |= up.versions()
                    rows.extend(_told(_measure(up, folder, ids, quick=options.quick)))
    except (EmbeddedStoreError, NotReadyError, NothingAnsweredError) as error:
        print(error, file=sys.stderr)
        return 1
    report.show(rows, Console(width=None if sys.stdout.isatty() else WIDTH))
    report.write(rows, facts, options.output)
    return int(any(row.verdict.fails for row in rows))


def _told(rows: Iterable[Row]) -> Iterator[Row]:
    for row in rows:
        print(f"{row.id}, {row.lines[0].what}: {row.verdict.value}", flush=True)
        yield row


def _measure_tokens(ids: Sequence[str], *, quick: bool) -> Iterator[Row]:
    """Measure what needs no stores."""
    # What a ring says of its keys is for a server's log.
    silent = structlog.make_filtering_bound_logger(logging.CRITICAL)
    structlog.configure(wrapper_class=silent)
    pace = tokens.Pace(rounds=3, seconds=0.01) if quick else tokens.Pace(rounds=15, seconds=0.05)
    if "T1" in ids:
        yield tokens.verifying(pace)
    if "T2" in ids:
        yield tokens.signing(pace)
    if "T3" in ids:
        yield key_loading.loading(5 if quick else 25)
    if "T4" in ids:
        yield caller_checks.checking(5 if quick else 25)


def _measure(up: Stores, folder: Path, ids: Sequence[str], *, quick: bool) -> Iterator[Row]:
    if "P10" in ids:
        yield startup.serve(up.settings, folder, 2 if quick else 7)
        yield startup.dev(folder, 1 if quick else 5)
    pace = Pace(rounds=3, seconds=0.7) if quick else Pace(rounds=5, seconds=2.5)
    drivers = min(4, max(2, (os.cpu_count() or 2) - 2))
    if "P6" in ids:
        yield revoking.revoke(up, folder, 60 if quick else 500)
    if "P8" in ids:
        facts = large_view.FACTS // 20 if quick else large_view.FACTS
        yield large_view.validate(up, folder, drivers, pace, facts)
    if "P9" in ids:
        yield two_workers.measure(up, folder, pace)
    measures = [calls.MEASURES[one] for one in calls.MEASURES if one in ids]
    if measures:
        with calls.bench(up, folder, 128 if quick else 1024, drivers, pace) as bench:
            yield from (measure(bench) for measure in measures)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="half a minute, and rough")
    parser.add_argument("--only", action="append", choices=IDS, help="this one (may be repeated)")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="where the JSON goes")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
