"""Workers that fall, fall silent, refuse and will not end; each a real process."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from prometheus_client import generate_latest
from support.logs import configured
from support.waiting import eventually

from tokenauthority_server.domain.errors import StoreUnavailableError
from tokenauthority_server.supervision.fleet_pages import FleetPages
from tokenauthority_server.supervision.supervisor import Patience, Supervisor, WorkerFaultError
from tokenauthority_server.supervision.worker_process import WorkerProcess
from tokenauthority_server.telemetry.fleet_metrics import FleetMetrics

STAND_IN = Path(__file__).with_name("stand_in.py")
PATIENT = Patience(end=10)


@dataclass
class Fleet:
    supervisor: Supervisor
    pages: FleetPages
    metrics: FleetMetrics
    stop: asyncio.Event
    running: asyncio.Task[bool]
    lives: list[int]

    async def ended(self) -> bool:
        self.stop.set()
        return await asyncio.wait_for(self.running, 15)

    def restarts(self, number: int) -> float:
        name = "tokenauthority_worker_restarts_total"
        found = self.metrics.registry.get_sample_value(name, {"worker": str(number)})
        assert found is not None
        return found


@asynccontextmanager
async def fleet(*lives: str, count: int = 1, patience: Patience = PATIENT) -> AsyncIterator[Fleet]:
    """Workers whose lives go like this, one after the other; all that come later like the last."""
    left: Iterator[str] = iter(lives)
    begun: list[int] = []

    async def start(number: int) -> WorkerProcess:
        begun.append(number)
        how = next(left, lives[-1])
        if how == "impossible":
            raise BlockingIOError(11, "Resource temporarily unavailable")
        return await WorkerProcess.start(
            number, [sys.executable, str(STAND_IN), how], dict(os.environ)
        )

    metrics = FleetMetrics(count)
    supervisor = Supervisor(count, start, metrics, patience)
    stop = asyncio.Event()
    running = asyncio.create_task(supervisor.run(stop))
    made = Fleet(supervisor, FleetPages(supervisor, metrics), metrics, stop, running, begun)
    try:
        yield made
    finally:
        stop.set()
        await asyncio.wait([running])


async def soon(condition: Callable[[], object]) -> None:
    """Return when it holds; a process may take seconds to start where many do."""

    async def holds() -> bool:
        return bool(condition())

    await eventually(holds, 20)


def ready(fleet: Fleet) -> bool:
    return fleet.pages.readiness()[0]


async def test_workers_that_end_well_when_told_to() -> None:
    async with fleet("serves", count=2) as two:
        assert two.pages.readiness() == (
            False,
            {"status": "starting", "stores": {}, "workers": {}},
        )
        with pytest.raises(StoreUnavailableError):
            await two.pages.key_set()
        await asyncio.wait_for(two.supervisor.ready(), 20)
        await soon(lambda: two.pages.readiness()[1]["stores"] == {"PostgreSQL": "up"})
        await soon(lambda: two.pages.readiness()[1]["workers"] == {"0": "ready", "1": "ready"})

        assert await two.pages.key_set() == b'{"keys":[]}'
        page = generate_latest(await two.pages.metrics()).decode()
        assert 'up{worker="0"} 1.0\nup{worker="1"} 1.0\n' in page
        assert 'tokenauthority_workers{status="ready"} 2.0' in page

        assert await two.ended()
        assert two.pages.readiness()[1]["status"] == "draining"
        assert two.lives == [0, 1]


async def test_a_worker_that_falls_is_started_again() -> None:
    with configured("info", "json") as log:
        async with fleet("falls", "impossible", "serves") as one:
            await soon(lambda: ready(one))

            assert one.restarts(0) == 2
            assert await one.ended()
    assert '"how":"exit code 1"' in log.getvalue()
    assert "Resource temporarily unavailable" in log.getvalue()


async def test_a_wrong_configuration_ends_the_whole_with_its_code() -> None:
    async with fleet("refuses", count=2) as two:
        with pytest.raises(WorkerFaultError, match=r"^SETTING: is wrong$") as caught:
            await asyncio.wait_for(two.running, 20)
    assert caught.value.exit_code == 2


async def test_a_configuration_that_became_wrong_ends_nothing_that_runs() -> None:
    # Guard: judged like the first ones, it ended a fleet that served.
    with configured("info", "json") as log:
        async with fleet("serves", "serves", "refuses", "serves", count=2) as two:
            await soon(lambda: list(two.pages.readiness()[1]["workers"].values()) == ["ready"] * 2)
            os.kill(two.supervisor.workers[0].pid, signal.SIGKILL)
            await soon(lambda: two.restarts(0) == 2)
            assert ready(two)
    assert '"why":"SETTING: is wrong"' in log.getvalue()
    assert '"how":"signal SIGKILL"' in log.getvalue()


async def test_a_silent_worker_is_not_ready_and_is_killed() -> None:
    # Guard: without the kill it stayed for ever.
    hasty = Patience(end=10, between=0.02, answer=0.1, silent=0.3)
    with configured("info", "json") as log:
        async with fleet("silent", "serves", patience=hasty) as one:
            await soon(lambda: one.pages.readiness()[1]["workers"] == {"0": "silent"})
            assert not ready(one)
            await soon(lambda: ready(one) and one.restarts(0) == 1)
    assert "worker does not answer, and is killed" in log.getvalue()


@pytest.mark.parametrize(("load", "killed"), [(60.0, False), (0.5, True)])
async def test_a_worker_that_is_loading_is_given_longer(load: float, killed: bool) -> None:  # noqa: FBT001 - a case
    # Guard: taken for a silent one, it was killed before it could answer.
    hasty = Patience(end=10, between=0.01, answer=0.01, silent=0, load=load)
    async with fleet("loads", patience=hasty) as one:
        await soon(lambda: one.supervisor.workers)
        for _ in range(10):
            worker = one.supervisor.workers.get(0)
            assert worker is None or not await worker.look(0.1)
            assert worker is None or worker.status == "starting"
        assert b"tokenauthority_workers" in generate_latest(await one.pages.metrics())
        await soon(lambda: (one.restarts(0) > 0) is killed)


async def test_a_worker_that_does_not_end_is_killed() -> None:
    # Guard: without the kill `run` came back while it lived on.
    async with fleet("stubborn", patience=Patience(end=0.2)) as one:
        await soon(lambda: ready(one))
        worker = one.supervisor.workers[0]

        assert not await one.ended()
        assert await worker.ended() == "signal SIGKILL"
        worker.kill()  # of one that has ended, and no harm


async def test_an_answer_from_before_it_was_ready_takes_nothing_back() -> None:
    # Guard: taken as it came, the worker was not ready until the next look at it.
    async with fleet("lags", patience=Patience(end=10, between=0.01)) as one:
        await soon(lambda: one.pages.readiness()[1]["stores"])
        await asyncio.wait_for(one.supervisor.ready(), 20)
        worker = one.supervisor.workers[0]
        assert await worker.look(5)
        assert worker.is_ready


async def test_a_stop_waits_for_no_pause() -> None:
    async with fleet("falls") as one:
        await soon(lambda: one.restarts(0) >= 4)
        assert await one.ended()
