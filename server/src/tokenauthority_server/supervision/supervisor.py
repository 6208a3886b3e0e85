"""Keeps so many workers running, until it is told to stop."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from tokenauthority_server.domain.errors import StartError
from tokenauthority_server.supervision.pauses import Pauses
from tokenauthority_server.supervision.worker_process import Fault, WorkerProcess
from tokenauthority_server.telemetry.fleet_metrics import FleetMetrics

WRONG_CONFIGURATION = 2

_log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Patience:
    """In seconds: between two looks at a worker, for its answer, and until a silent one is killed.

    `load` is for its first answer: on a busy machine it may be long until its modules are there.
    `end` is how long workers may take to end; `killed` is for what the kernel does then.
    """

    end: float
    between: float = 1.0
    answer: float = 3.0
    silent: float = 30.0
    load: float = 120.0
    killed: float = 5.0


class WorkerFaultError(StartError):
    """No worker was ready yet, and one cannot start with this configuration."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.text)
        self.exit_code = fault.code


class Supervisor:
    """`start` starts the worker of a number, from 0 to `count` - 1."""

    def __init__(
        self,
        count: int,
        start: Callable[[int], Awaitable[WorkerProcess]],
        metrics: FleetMetrics,
        patience: Patience,
    ) -> None:
        self.workers: dict[int, WorkerProcess] = {}
        self._count = count
        self._start = start
        self._metrics = metrics
        self._patience = patience
        self._was_ready = asyncio.Event()
        self._stopping = asyncio.Event()

    @property
    def is_stopping(self) -> bool:
        """Whether the workers are to end."""
        return self._stopping.is_set()

    async def ready(self) -> None:
        """Return when a worker has become ready."""
        await self._was_ready.wait()

    async def run(self, stop: asyncio.Event) -> bool:
        """Keep the workers running until `stop` is set; return whether all ended when told to.

        Raises WorkerFaultError, when all have ended, where one says that none can start.
        """
        told = asyncio.create_task(stop.wait())
        keeping = [asyncio.create_task(self._keep(number)) for number in range(self._count)]
        try:
            await asyncio.wait([told, *keeping], return_when=asyncio.FIRST_COMPLETED)
        finally:
            told.cancel()
            in_time = await self._end(keeping)
        for task in keeping:
            task.result()
        return in_time

    async def _keep(self, number: int) -> None:
        pauses = Pauses()
        while not self._stopping.is_set():
            ready_seconds = await self._live(number)
            if self._stopping.is_set():
                return
            self._metrics.restarts[number].inc()
            await self._wait(pauses.after(ready_seconds))

    async def _live(self, number: int) -> float:
        """Start a worker, see it to its end, and return for how many seconds it was ready."""
        try:
            worker = await self._start(number)
        except OSError as error:
            _log.error("worker cannot be started", worker=str(number), why=error.strerror)
            return 0.0
        self.workers[number] = worker
        beside = [
            asyncio.create_task(self._note_ready(worker)),
            asyncio.create_task(self._watch(worker)),
        ]
        if self.is_stopping:
            worker.terminate()
        try:
            how = await worker.ended()
        finally:
            for task in beside:
                task.cancel()
            del self.workers[number]
        if not self.is_stopping:
            self._judge(worker, how)
        return worker.ready_seconds

    def _judge(self, worker: WorkerProcess, how: str) -> None:
        fault = worker.fault
        if fault and fault.code == WRONG_CONFIGURATION and not self._was_ready.is_set():
            raise WorkerFaultError(fault)
        _log.error(
            "worker ended, and is started again",
            worker=str(worker.number),
            pid=worker.pid,
            how=how,
            why=fault.text if fault else "",
        )

    async def _note_ready(self, worker: WorkerProcess) -> None:
        await worker.ready.wait()
        self._was_ready.set()

    async def _watch(self, worker: WorkerProcess) -> None:
        """Look at the worker again and again; kill it when it has been silent for too long."""
        clock, patience = asyncio.get_running_loop().time, self._patience
        heard = clock()
        while True:
            if await worker.look(patience.answer):
                heard = clock()
            elif clock() - heard > (patience.silent if worker.answered else patience.load):
                _log.error("worker does not answer, and is killed", worker=str(worker.number))
                worker.kill()
                return
            await asyncio.sleep(patience.between)

    async def _wait(self, seconds: float) -> None:
        """Return after so many seconds, or when the workers are to end."""
        stopping = asyncio.create_task(self._stopping.wait())
        await asyncio.wait([stopping], timeout=seconds)
        stopping.cancel()

    async def _end(self, keeping: list[asyncio.Task[None]]) -> bool:
        """Let all workers end; return whether none had to be killed."""
        self._stopping.set()
        for worker in self.workers.values():
            worker.terminate()
        _, late = await asyncio.wait(keeping, timeout=self._patience.end)
        if not late:
            return True
        for worker in self.workers.values():
            _log.error("worker does not end, and is killed", worker=str(worker.number))
            worker.kill()
        await asyncio.wait(late, timeout=self._patience.killed)
        return False
