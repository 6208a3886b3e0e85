"""A strict client in a process of its own, which verifies all that is in play, all the time."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Self

from faults.harness.fleet import Worker
from faults.harness.going_on import going_on
from faults.harness.history import History, Kind, Source
from faults.harness.play import Play
from support.commands import environment

TESTS: Final = Path(__file__).parents[2]
ANSWER_SECONDS: Final = 30.0
LONGEST_LINE: Final = 1 << 22


class ClientWitness:
    """Tells the process what is in play, and records what it has answered."""

    def __init__(
        self, name: str, history: History, play: Play, process: asyncio.subprocess.Process
    ) -> None:
        self.name = name
        self._history = history
        self._process = process
        self._asked = self._answered = 0
        self._progress = asyncio.Condition()
        play.listeners.append(lambda token, text: self._tell(add=[token, text]))
        for token, text in play.tokens.items():
            self._tell(add=[token, text])

    @classmethod
    @asynccontextmanager
    async def of(
        cls, number: int, workers: Sequence[Worker], history: History, play: Play
    ) -> AsyncIterator[Self]:
        """A client that watches these workers, the first of them first; it ends with the block."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "faults.harness.strict_process"),
            *(worker.address for worker in workers),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=LONGEST_LINE,
            env=environment({"PYTHONPATH": str(TESTS)}),
        )
        client = cls(f"client {number}", history, play, process)
        try:
            async with going_on(client._read()):
                yield client
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    def signal(self, how: signal.Signals) -> None:
        """Stop it where it stands, or let it go on."""
        self._process.send_signal(how)

    async def ask_again(self) -> None:
        """See Witness."""
        self._asked += 1
        number = self._asked
        self._tell(again=number)
        async with asyncio.timeout(ANSWER_SECONDS), self._progress:
            await self._progress.wait_for(lambda: self._answered >= number)

    def _tell(self, **what: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(what).encode() + b"\n")

    async def _read(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            told = json.loads(line)
            for token, active, count, first_ended, last_begun in told["answers"]:
                kind = Kind(self.name, token, Source.CLIENT, active)
                self._history.answered(kind, begun=last_begun, ended=first_ended, count=count)
            self._history.not_answered(self.name, told["unsure"])
            async with self._progress:
                self._answered = told["again"]
                self._progress.notify_all()
        raise AssertionError(f"{self.name} has ended")
