"""The table for people, and the JSON for comparing days."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from benchmarks.rows import Row, Verdict

STYLES = {
    Verdict.MET: "green",
    Verdict.NOT_YET: "yellow",
    Verdict.BROKEN: "red",
    Verdict.DRIVER_BOUND: "red",
    Verdict.FAILED: "red",
    Verdict.SHOWN: "dim",
}
NUMBERS = {"ours", "bare", "ratio"}
NOTES = (
    "Ratios are ours to bare: the median of the rounds, in brackets the lowest and the highest. "
    "That of the processor's time is without drivers, stores, and what else ran on the machine."
)


def show(rows: Sequence[Row], console: Console) -> None:
    table = Table(box=SIMPLE_HEAD)
    for heading in ("id", "what", "ours", "bare", "ratio", "budget", "verdict"):
        table.add_column(heading, justify="right" if heading in NUMBERS else "left", no_wrap=True)
    for row in rows:
        verdict = f"[{STYLES[row.verdict]}]{row.verdict.value}[/]"
        for place, line in enumerate(row.lines):
            first, last = place == 0, place == len(row.lines) - 1
            cells = (line.what, line.ours, line.bare, line.ratio, line.budget)
            table.add_row(
                row.id if first else "", *cells, verdict if first else "", end_section=last
            )
    console.print(table)
    for row in rows:
        console.print(f"[bold]{row.id}[/]: {row.compares}.", highlight=False)
    console.print(NOTES, style="dim", highlight=False)


def write(rows: Sequence[Row], facts: dict[str, object], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    body = {"machine": facts, "rows": [asdict(row) for row in rows]}
    path.write_text(json.dumps(body, indent=2, ensure_ascii=False) + "\n")
