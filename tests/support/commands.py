"""The command `tokenauthority` as a process of its own, as people run it."""

import base64
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from support.waiting import wait_until

ROOT = Path(__file__).parents[2]
HERE = Path(sys.executable).parent
KEY = base64.b64encode(bytes(range(32))).decode()
START_SECONDS = 30
STOP_SECONDS = 20


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Nothing of the developer's own settings, and what measures coverage."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in {"PATH", "HOME", "LANG"} or name.startswith("COVERAGE")
    }
    return {**kept, "GRPC_PORT": "0", "HTTP_PORT": "0", **settings}


@dataclass(frozen=True)
class Finished:
    code: int
    text: str


def run(
    *arguments: str | Path, folder: Path = ROOT, settings: Mapping[str, str] | None = None
) -> Finished:
    """Run a command to its end; its text is all that it wrote."""
    done = subprocess.run(  # noqa: S603 - the tests' own commands
        [str(one) for one in arguments],
        check=False,
        cwd=folder,
        env=environment(settings or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=50,
        text=True,
    )
    return Finished(done.returncode, done.stdout)


@dataclass(frozen=True)
class Server:
    """A server process and what it has written so far."""

    process: subprocess.Popen[bytes]
    output: Path

    @property
    def text(self) -> str:
        return self.output.read_text("utf-8")

    def address(self, kind: str) -> str:
        """Where it listens, host:port; `kind` is grpc or http."""
        line = next(line for line in self.text.splitlines() if "listening" in line)
        if line.startswith("{"):
            address: str = json.loads(line)[kind]
            return address
        found = re.search(rf"{kind}=(\S+)", line)
        assert found, line
        return found[1]

    def stop(self, how: signal.Signals) -> int:
        """Send a signal, wait for the end, and return the exit code."""
        self.process.send_signal(how)
        return self.process.wait(STOP_SECONDS)


@contextmanager
def server(
    program: Path, command: str, output: Path, settings: Mapping[str, str], ready: str
) -> Iterator[Server]:
    """A server that has written `ready`; it ends with the block, whatever happens in it."""
    with output.open("wb") as stream:
        process = subprocess.Popen(  # noqa: S603 - the tests' own command
            [program, command],
            cwd=output.parent,
            env=environment(settings),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
    started = Server(process, output)
    try:
        wait_until(lambda: ready in started.text or process.poll() is not None, START_SECONDS)
        assert process.poll() is None, started.text
        yield started
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(STOP_SECONDS)
