"""Row 37: one caller floods, and the others do not notice."""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass

import grpc
import pytest
from faults.harness.counts import rounds
from faults.harness.fleet import Fleet, Worker
from support.failures import Failure, failure_of
from support.known_callers import Known
from support.postgres import Databases

from tokenauthority.v1 import token_service_pb2 as pb

RATE = 50
TIMES = 10
"""How much faster the flood comes than its caller's rate allows."""
SECONDS = 2.0
CALLS = 200
SLOWER = 3.0
SLACK = 0.01
"""Seconds, of a machine that others use too."""

KNOWN = Known(
    {"flood": ["TokenService"], "others": ["TokenService"]},
    {"flood": f'rate = "{RATE}/s"', "others": 'rights = ["write_profiles"]'},
)


@pytest.fixture(scope="module")
async def callers_fleet(
    databases: Databases, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Fleet]:
    file = KNOWN.write(tmp_path_factory.mktemp("row-37"))
    async with (
        databases.fresh() as url,
        Fleet.of(2, url, redis_url, CALLERS_FILE=str(file)) as fleet,
    ):
        yield fleet


@pytest.fixture(scope="module")
async def request_of_others(callers_fleet: Fleet) -> pb.ValidateRequest:
    """What the others ask all the time: whether a good token is good."""
    created = await callers_fleet.workers[0].stub.CreatePair(
        pb.CreatePairRequest(subject=pb.Subject(user_id="u-37", username="others")),
        metadata=KNOWN.metadata("others"),
    )
    return pb.ValidateRequest(token=created.pair.access_token)


@dataclass
class Flood:
    """What became of the calls of a flood."""

    passed: int = 0
    refused: int = 0
    last: Failure | None = None

    async def call(self, worker: Worker) -> None:
        call = worker.stub.Validate(
            pb.ValidateRequest(token="x"), metadata=KNOWN.metadata("flood"), timeout=10
        )
        try:
            await call
        except grpc.aio.AioRpcError:
            self.last = await failure_of(call)
            assert self.last.reason == "RATE_LIMITED", self.last
            self.refused += 1
        else:
            self.passed += 1

    async def pour(self, workers: list[Worker], seconds: float) -> float:
        """Call all workers in turn for so many seconds; return how many there were."""
        begin = time.monotonic()
        number = 0
        async with asyncio.TaskGroup() as calls:
            while (now := time.monotonic() - begin) < seconds:
                while number < now * RATE * TIMES:
                    calls.create_task(self.call(workers[number % len(workers)]))
                    number += 1
                await asyncio.sleep(0.005)
        return time.monotonic() - begin


async def p99(worker: Worker, request: pb.ValidateRequest) -> float:
    """How long the slowest of the others' calls take; none of them is refused."""
    taken = []
    for _ in range(CALLS):
        began = time.perf_counter()
        verdict = await worker.stub.Validate(request, metadata=KNOWN.metadata("others"), timeout=10)
        taken.append(time.perf_counter() - began)
        assert verdict.active
        await asyncio.sleep(0.002)
    return statistics.quantiles(taken, n=100)[98]


async def test_the_others_do_not_notice(
    callers_fleet: Fleet,
    request_of_others: pb.ValidateRequest,
    counted: Callable[[int, int], Iterator[int]],
) -> None:
    # Guard: with the rate counted for all callers together, the others were refused; without it,
    # the flood's own calls all went through.
    worker = callers_fleet.workers[0]
    ratios = []
    for _ in counted(37, rounds(3, 20)):
        before = await p99(worker, request_of_others)
        flood = Flood()
        pouring = asyncio.create_task(flood.pour([worker], SECONDS))
        during = await p99(worker, request_of_others)
        await pouring
        assert flood.refused > flood.passed
        ratios.append((during - SLACK) / before)
    # What else the machine does adds to a round, and takes from none.
    assert min(ratios) < SLOWER, ratios


async def test_the_flood_keeps_to_its_rate_over_all_replicas(
    callers_fleet: Fleet, counted: Callable[[int, int], Iterator[int]]
) -> None:
    # Guard: with nothing told between the replicas each of them let a whole rate through.
    for _ in counted(37, rounds(1, 10)):
        await asyncio.sleep(2.5)  # what was poured before is made up for
        flood = Flood()
        seconds = await flood.pour(callers_fleet.workers, 2 * SECONDS)
        begun_with = len(callers_fleet.workers) * RATE
        assert 0.8 * RATE * seconds <= flood.passed <= RATE * seconds + 0.8 * begun_with + 10
        assert flood.last
        assert flood.last.code is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert flood.last.retry_after
        assert 0 < flood.last.retry_after <= 3


async def test_the_refusal_says_whose_rate_it_was(callers_fleet: Fleet) -> None:
    flood = Flood()
    await flood.pour([callers_fleet.workers[0]], 0.5)
    assert flood.last
    assert flood.last.text == "a rate is used up: see QuotaFailure and RetryInfo"
    assert flood.last.quota == [f"flood: TokenService/Validate, {RATE}/s"]
