"""h2load of nghttp2 as a driver, where it is installed: it costs far less than one in Python.

It sends one and the same request, so it serves for calls without side effects alone, and it does
not read gRPC statuses: a refused call has no data in its answer, and so shows in the bytes.
"""

import re
import shutil
import struct
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.driver import NICE
from benchmarks.load import Outcome, Phase, Work, path_of

CONNECTIONS = 2
END_SECONDS = 10.0
_TRAFFIC = re.compile(r"\((\d+)\) data$", re.MULTILINE)
_DONE = re.compile(r"(\d+) done, (\d+) succeeded")


class H2load:
    """Runs h2load once for each phase."""

    name = f"h2load (1 thread, {CONNECTIONS} connections)"

    def __init__(self, folder: Path, program: str) -> None:
        self._folder = folder
        self._program = program
        self._works: dict[str, Work] = {}
        self._process: subprocess.Popen[str] | None = None
        self._phase = Phase("", 0, 0)

    @classmethod
    def find(cls, folder: Path) -> "H2load | None":
        program = shutil.which("h2load")
        return cls(folder, program) if program else None

    @property
    def pids(self) -> Sequence[int]:
        return [self._process.pid] if self._process else []

    def prepare(self, work: Work) -> None:
        body = work.bodies[0]
        self._works[work.side] = work
        self._body(work.side).write_bytes(b"\0" + struct.pack(">I", len(body)) + body)

    def start(self, phase: Phase) -> None:
        work = self._works[phase.side]
        self._phase = phase
        milliseconds = round(1000 * (phase.end - time.monotonic()))
        self._log.unlink(missing_ok=True)
        self._process = subprocess.Popen(  # noqa: S603  found on PATH, told nothing from outside
            [
                *("nice", "-n", str(NICE), self._program, "-t", "1", "-c", str(CONNECTIONS)),
                *("-m", str(work.in_flight // CONNECTIONS), "-D", f"{milliseconds}ms"),
                *("-d", str(self._body(work.side)), "--log-file", str(self._log)),
                *("-H", "content-type: application/grpc", "-H", "te: trailers"),
                f"http://{work.address}{path_of(work.rpc)}",
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def finish(self) -> Outcome:
        assert self._process is not None
        left = max(0.0, self._phase.end - time.monotonic())
        text, _ = self._process.communicate(timeout=left + END_SECONDS)
        self._process = None
        return read(text, self._log.read_text(), self._phase, time.time() - time.monotonic())

    @property
    def _log(self) -> Path:
        return self._folder / "h2load.log"

    def _body(self, side: str) -> Path:
        return self._folder / f"h2load.{side}.body"


def read(text: str, log: str, phase: Phase, epoch: float) -> Outcome:
    """Return the outcome of h2load's summary and its log of microseconds.

    `epoch` is what turns a time.monotonic into seconds since 1970.
    """
    outcome = Outcome()
    for line in log.splitlines():
        start, status, took = (int(part) for part in line.split("\t")[:3])
        if status != 200:
            outcome.failures[f"HTTP {status}"] += 1
        elif phase.begin <= (start + took) / 1e6 - epoch <= phase.end:
            outcome.took.append(took / 1e6)
    done, data = _DONE.search(text), _TRAFFIC.search(text)
    if not done or not data or done[1] != done[2]:
        outcome.failures["h2load"] += 1
    elif int(data[1]) < int(done[1]) * 5:
        # Each answer has at least the five bytes that come before a message.
        outcome.failures["refused"] += 1
    return outcome
