"""`python -m fuzz`: every target, guided by coverage, until so many inputs have run.

Prints how far it is, and in the last line how many inputs ran and what became of them. Exits with 1
when an input was found that must not be, or when there was no time for all of them.
"""

import argparse
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from fuzz import tally
from fuzz.judging import ACCEPTED
from fuzz.targets import TARGETS

TESTS: Final = Path(__file__).parents[1]
TICK_SECONDS: Final = 0.1
TELL_SECONDS: Final = 10.0


class Worker:
    """One target in a process of its own, from its start."""

    def __init__(self, name: str, runs: int, folder: Path, options: Sequence[str]) -> None:
        self.name, self._runs = name, runs
        self._tally, self.log = folder / f"{name}.json", folder / f"{name}.log"
        self._tally.unlink(missing_ok=True)
        command = [sys.executable, "-m", "fuzz.worker", name, str(runs), str(folder), *options]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                command, cwd=TESTS, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )

    @property
    def counts(self) -> Counter[str]:
        return tally.read(self._tally)

    @property
    def runs_on(self) -> bool:
        return self._process.poll() is None

    @property
    def failed(self) -> bool:
        return not self.runs_on and self._process.returncode != 0

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()

    def __str__(self) -> str:
        return f"{self.name} {self.counts.total():,} of {self._runs:,}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 when all inputs ran and none was a finding, else 1."""
    options = _options(arguments)
    if options.again:
        print(TARGETS[options.again.name.partition("-")[0]].run(options.again.read_bytes()))
        return 0
    if find_spec("atheris") is None:
        print("Atheris is not here: it has wheels for Linux on x86-64 alone.", file=sys.stderr)
        return 1
    folder: Path = options.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    chosen = [f"-seed={options.seed}"] if options.seed else []
    share = -(-options.runs // len(TARGETS))
    workers: list[Worker] = []
    begin = time.monotonic()
    told = begin
    try:
        while time.monotonic() < begin + options.seconds and not any(one.failed for one in workers):
            running = [one for one in workers if one.runs_on]
            if len(running) < (os.cpu_count() or 1) and len(workers) < len(TARGETS):
                workers.append(Worker(list(TARGETS)[len(workers)], share, folder, chosen))
            elif not running:
                break
            elif time.monotonic() > told + TELL_SECONDS:
                told = time.monotonic()
                print(f"{told - begin:.0f} s: {', '.join(map(str, running))}", flush=True)
            time.sleep(TICK_SECONDS)
        stopped = [one for one in workers if one.runs_on]
    finally:
        for worker in workers:
            worker.stop()
    return _conclude(workers, stopped, time.monotonic() - begin)


def _conclude(workers: Sequence[Worker], stopped: Sequence[Worker], seconds: float) -> int:
    failed = [one for one in workers if one.failed and one not in stopped]
    for worker in failed:
        end = worker.log.read_text(errors="replace").splitlines()[-40:]
        print(*end, f"{worker.name}: what must not be; look at it with --again FILE", sep="\n")
    total: Counter[str] = Counter()
    for worker in workers:
        counts = worker.counts
        total.update(counts)
        print(f"{worker.name}: {_shown(counts)}")
    if stopped:
        print("There was no time for all of them.")
    print(f"{_shown(total)}, in {seconds:.0f} s")
    return int(bool(failed or stopped))


def _shown(counts: Counter[str]) -> str:
    accepted = counts[ACCEPTED]
    reasons = ", ".join(
        f"{name} {count:,}" for name, count in counts.most_common() if name != ACCEPTED
    )
    refused = counts.total() - accepted
    return f"{counts.total():,} inputs, {accepted:,} accepted, {refused:,} refused ({reasons})"


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("--runs", type=int, default=1_000_000, help="inputs over all targets")
    parser.add_argument("--seconds", type=float, default=600, help="the longest that it may take")
    parser.add_argument("--seed", type=int, default=0, help="for the same inputs again")
    parser.add_argument("--again", type=Path, metavar="FILE", help="run what was found, alone")
    parser.add_argument("--folder", type=Path, default=TESTS.parent / "build" / "fuzz")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
