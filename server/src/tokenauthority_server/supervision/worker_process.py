"""One worker, as the supervisor sees it: a process, and a line to it."""

import asyncio
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Self

from tokenauthority_server.supervision.frames import Message
from tokenauthority_server.supervision.line import (
    CODE,
    FAULT,
    READY,
    AskingEnd,
    Question,
    SilentError,
)

STARTING: Final = "starting"


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a worker cannot start, and the exit code that says so."""

    text: str
    code: int


class WorkerProcess:
    """A worker that was started. `status` is a word for people: starting, ready, silent, ..."""

    def __init__(self, number: int, process: asyncio.subprocess.Process) -> None:
        self.number = number
        self.status = STARTING
        self.stores: Mapping[str, str] = {}
        self.fault: Fault | None = None
        self.ready = asyncio.Event()
        self.ready_since: float | None = None
        self.answered = False
        """Whether it has ever said anything: before that it may be loading its modules yet."""
        self._process = process
        self._line: AskingEnd
        self._listening: asyncio.Task[None]

    @classmethod
    async def start(
        cls, number: int, command: Sequence[str], environment: Mapping[str, str]
    ) -> Self:
        """Start the command with the file of its end of the line as its last argument.

        Raises OSError where no process can be started.
        """
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                process = await asyncio.create_subprocess_exec(
                    *command,
                    str(theirs.fileno()),
                    env=environment,
                    stdin=asyncio.subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()],
                    # Ctrl-C goes to a whole group: it is for the supervisor alone.
                    process_group=0,
                )
        except BaseException:
            ours.close()
            raise
        worker = cls(number, process)
        worker._line = await AskingEnd.on(ours, worker._heard)
        worker._listening = asyncio.create_task(worker._line.listen())
        return worker

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    @property
    def is_ready(self) -> bool:
        """Whether it takes calls and answers."""
        return self.status == READY

    @property
    def ready_seconds(self) -> float:
        """For how long it has been ready; 0 for one that never was."""
        if self.ready_since is None:
            return 0.0
        return asyncio.get_running_loop().time() - self.ready_since

    async def ask(self, question: Question, seconds: float) -> Any:
        """See AskingEnd.ask."""
        return await self._line.ask(question, seconds)

    async def look(self, seconds: float) -> bool:
        """Ask how it is, and note that; return whether it answered within these seconds."""
        try:
            said = await self.ask("readiness", seconds)
        except SilentError:
            if self.answered:
                self.status = "silent"
            return False
        self.answered = True
        self.stores = said["stores"]
        # What it says by itself may overtake an answer from before.
        overtaken = said["status"] == STARTING and self.ready.is_set()
        self.status = READY if overtaken else said["status"]
        return True

    async def ended(self) -> str:
        """Return when the process has ended, and how it did: for a log."""
        code = await self._process.wait()
        # What it said last is heard first.
        await self._listening
        return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"

    def terminate(self) -> None:
        """Ask it to drain and end."""
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        self._send(signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):  # it has ended by itself
            self._process.send_signal(number)

    def _heard(self, message: Message) -> None:
        self.answered = True
        if READY in message:
            self.status = READY
            self.ready_since = asyncio.get_running_loop().time()
            self.ready.set()
        elif FAULT in message:
            self.fault = Fault(message[FAULT], message[CODE])


def worker_command(number: int, *, dev: bool) -> list[str]:
    """Return the command that is a worker, but for the file of its line.

    With -P nothing is imported from the working directory.
    """
    options = ["--dev"] if dev else []
    return [
        *(sys.executable, "-P", "-m", "tokenauthority_server"),
        *("worker", *options, str(number)),
    ]
