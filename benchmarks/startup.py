"""P10: how long from the start of the process to readiness, as a health check sees it."""

import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from benchmarks.authority import Authority
from benchmarks.figures import Spread
from benchmarks.processes import spent_seconds
from benchmarks.rows import Line, Row, Verdict

SERVE_SECONDS = 2.0
DEV_SECONDS = 4.0


def serve(settings: Mapping[str, str], folder: Path, times: int) -> Row:
    """Start on stores that are up and migrated; the first start also makes the signing key."""
    starts = [_start("serve", settings, folder) for _ in range(times)]
    compares = "exec to readiness SERVING, PostgreSQL and Valkey up, schema current"
    return _row("serve", compares, SERVE_SECONDS, starts)


def dev(folder: Path, times: int) -> Row:
    """Start in an empty DATA_DIR: makes both stores, the schema and the keys."""
    starts = []
    for _ in range(times):
        with tempfile.TemporaryDirectory(dir=folder) as data:
            Path(data).chmod(0o711)
            starts.append(_start("dev", {"DATA_DIR": data}, folder))
    compares = "exec to readiness SERVING from nothing: makes stores, schema and keys"
    return _row("dev", compares, DEV_SECONDS, starts)


def _start(command: str, settings: Mapping[str, str], folder: Path) -> tuple[float, float]:
    with Authority(command, settings, folder) as authority:
        return authority.start_seconds, spent_seconds(authority.pid)


def _row(command: str, compares: str, budget: float, starts: list[tuple[float, float]]) -> Row:
    took = Spread.of([seconds for seconds, _ in starts])
    spent = Spread.of([seconds for _, seconds in starts])
    return Row(
        id="P10",
        compares=f"{compares}; {len(starts)} starts",
        lines=(
            Line(f"{command}: start to ready, s", str(took), budget=f"≤ {budget:g}"),
            Line("its own processor, s", str(spent)),
        ),
        verdict=Verdict.MET if took.median <= budget else Verdict.BROKEN,
        details={"seconds": asdict(took), "processor_seconds": asdict(spent)},
    )
