"""Row 29: both stores are down at the start. The server waits, and is ready by itself."""

from collections.abc import Callable, Iterator

from faults.harness.caller import Caller
from faults.harness.check import check
from faults.harness.counts import rounds
from faults.harness.fleet import Fleet, Worker
from faults.harness.record import Record
from grpc_health.v1 import health_pb2
from support.own_stores import OwnStores
from support.waiting import eventually

READY_SECONDS = 5.0


async def health(worker: Worker, name: str = "readiness") -> str:
    check_health = worker.channel.unary_unary(
        "/grpc.health.v1.Health/Check",
        request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
        response_deserializer=health_pb2.HealthCheckResponse.FromString,
    )
    answer = await check_health(health_pb2.HealthCheckRequest(service=name), timeout=5)
    return health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)


async def says(worker: Worker) -> tuple[int, str, str]:
    """What its probes say: over HTTP, in a word, and over gRPC."""
    readyz = await worker.http.ask("/readyz")
    return readyz.status, readyz.json["status"], await health(worker)


async def test_it_waits_and_is_ready_by_itself(
    own: OwnStores,
    own_database: str,
    record: Record,
    counted: Callable[[int, int], Iterator[int]],
) -> None:
    # Guard: with become_ready asking once only it was never ready.
    for number in counted(29, rounds(2, 10)):
        own.kill()
        async with Fleet.of(1, own_database, own.valkey.url, ready=False) as fleet:
            (worker,) = fleet.workers
            caller = Caller(record, worker)
            assert await says(worker) == (503, "starting", "NOT_SERVING")
            assert (await worker.http.ask("/livez")).status == 200
            assert await health(worker, "liveness") == "SERVING"
            assert await caller.create(f"u-29-{number}") is None

            async def down(worker: Worker = worker) -> bool:
                stores = (await worker.http.ask("/readyz")).json["stores"]
                return set(stores.values()) == {"down"}

            await eventually(down)
            pid = worker.pid

            # Nothing that is answered depends on Redis, so it is not waited for.
            first, second = (own.postgres, own.valkey) if number % 2 else (own.valkey, own.postgres)
            first.restart()
            if first is own.valkey:
                assert await says(worker) == (503, "starting", "NOT_SERVING")
                second.restart()
            await worker.answers("/readyz", READY_SECONDS)

            assert await says(worker) == (200, "ready", "SERVING")
            assert worker.pid == pid
            await caller.open(f"u-29-{number}")
            await check(record, fleet.workers, own_database)
        own.restore()
