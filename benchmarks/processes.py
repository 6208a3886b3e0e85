"""What Linux counts for a process: time on a processor, and time in the queue for one."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bottleneck import Use

PROC = Path("/proc")
NANOSECONDS = 1e9

Threads = dict[str, tuple[int, int]]
"""By process and thread: nanoseconds on a processor, and in the queue for one."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The counts of one moment."""

    moment: float
    threads: Threads
    machine: float


def sample(pids: Sequence[int]) -> Sample:
    return Sample(time.monotonic(), _threads(pids), machine_seconds())


def use(before: Sample, after: Sample) -> Use:
    """Return what these threads used between two samples; ended ones count as unused."""
    wall = (after.moment - before.moment) * NANOSECONDS
    ran, busy = 0, 0
    for thread, (running, queueing) in after.threads.items():
        ran_before, queued_before = before.threads.get(thread, (0, 0))
        ran += running - ran_before
        busy = max(busy, running - ran_before + queueing - queued_before)
    return Use(cores=ran / wall, busy=busy / wall)


def family(pid: int) -> list[int]:
    """Return a process and its children: PostgreSQL has one for each connection."""
    children: list[int] = []
    for task in _tasks(pid):
        children += [int(child) for child in _read(task / "children").split()]
    return [pid, *children]


def machine_seconds() -> float:
    """Return the processor time that the whole machine has spent on processes so far."""
    user, nice, system = (int(part) for part in _read(PROC / "stat").split()[1:4])
    return (user + nice + system) / os.sysconf("SC_CLK_TCK")


def spent_seconds(pid: int) -> float:
    """Return the seconds that a process has spent on a processor, ended threads included."""
    fields = _read(PROC / str(pid) / "stat").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_bytes(pid: int) -> int:
    """Return the memory that a process has."""
    pages = int(_read(PROC / str(pid) / "statm").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _threads(pids: Sequence[int]) -> Threads:
    found: Threads = {}
    for pid in pids:
        for task in _tasks(pid):
            counts = _read(task / "schedstat").split()
            if counts:
                found[f"{pid}/{task.name}"] = (int(counts[0]), int(counts[1]))
    return found


def _tasks(pid: int) -> list[Path]:
    try:
        return list((PROC / str(pid) / "task").iterdir())
    except FileNotFoundError:
        return []


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""  # ended meanwhile
