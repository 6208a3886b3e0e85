"""`tokenauthority serve` with two workers on one port, as real processes."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import grpc
import pytest
from prometheus_client.parser import text_string_to_metric_families
from support.commands import HERE, KEY, Server, run, server
from support.http import HttpClient
from support.processes import accepts, has_ended
from support.waiting import eventually, until, wait_until

from tokenauthority_client import Subject, TokenAuthorityClient

PROGRAM = HERE / "tokenauthority"
RESTART_SECONDS = 15
CONNECTIONS = 64
"""All of them to one of two workers: once in 2 ** 63 times."""


@pytest.fixture
def settings(database_url: str, redis_url: str) -> dict[str, str]:
    return {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "KEY_ENCRYPTION_KEY": KEY,
        "DRAIN_SECONDS": "1",
        "WORKERS": "2",
    }


@pytest.fixture
def serving(settings: Mapping[str, str], tmp_path: Path) -> Iterator[Server]:
    with server(PROGRAM, "serve", tmp_path / "output", settings, "listening") as started:
        wait_until(lambda: started.text.count('"event":"ready"') == 2, 30)
        yield started


def http(serving: Server) -> HttpClient:
    return HttpClient(int(serving.address("http").rpartition(":")[2]))


def children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(one) for task in tasks for one in (task / "children").read_text().split()]


def workers(serving: Server) -> dict[str, int]:
    """The ids of the processes, by the numbers of the workers."""
    found = {}
    for pid in children(serving.process.pid):
        arguments = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
        # A store of `dev`, or one between its fork and its exec, is none.
        if "worker" in arguments:
            number = arguments[-3]
            found[number] = pid
    return found


async def samples(serving: Server, name: str) -> dict[str, float]:
    """What the page has of a metric, added up for each worker."""
    page = (await http(serving).ask("/metrics")).body.decode()
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            if sample.name == name:
                worker = sample.labels.get("worker", "")
                found[worker] = found.get(worker, 0) + sample.value
    return found


async def both_ready(serving: Server) -> bool:
    said = (await http(serving).ask("/readyz")).json["workers"]
    return bool(said == {"0": "ready", "1": "ready"})


@asynccontextmanager
async def connections(serving: Server) -> AsyncIterator[list[TokenAuthorityClient]]:
    """So many clients, each with a connection of its own."""
    address, own = serving.address("grpc"), [("grpc.use_local_subchannel_pool", 1)]
    async with AsyncExitStack() as stack:
        clients = []
        for _ in range(CONNECTIONS):
            channel = await stack.enter_async_context(grpc.aio.insecure_channel(address, own))
            clients.append(await stack.enter_async_context(TokenAuthorityClient(channel)))
        yield clients


async def test_both_answer_on_one_port_and_over_http_they_are_one(serving: Server) -> None:
    async with connections(serving) as clients:
        pair = await clients[0].create_pair(Subject(user_id="1", username="ann"))
        for client in clients:
            assert await client.validate(pair.access_token)

    answered = await samples(serving, "grpc_server_handled_total")
    assert answered.keys() == {"0", "1"}
    assert min(answered.values()) > 0
    assert sum(answered.values()) == CONNECTIONS + 1
    resident = await samples(serving, "process_resident_memory_bytes")
    assert resident.keys() == {"0", "1", "supervisor"}
    assert await samples(serving, "tokenauthority_workers") == {"": 2}
    assert await samples(serving, "tokenauthority_worker_restarts_total") == {"0": 0, "1": 0}

    async def stores_are_up() -> bool:
        stores = (await http(serving).ask("/readyz")).json["stores"]
        return bool(stores == {"PostgreSQL": "up", "Redis": "up"})

    await eventually(stores_are_up)
    readyz = await http(serving).ask("/readyz")
    assert (readyz.status, readyz.json["status"]) == (200, "ready")
    assert (await http(serving).ask("/livez")).json == {"status": "alive"}
    keys = (await http(serving).ask("/.well-known/jwks.json")).json["keys"]
    assert "ES256" in {key["alg"] for key in keys}
    assert all(json.loads(line) for line in serving.text.splitlines())


@pytest.mark.skipif(sys.platform != "linux", reason="reads what Linux tells of a process")
def test_the_supervisor_has_no_grpc_and_its_workers_do(serving: Server) -> None:
    # Guard: with `import grpc` in the supervisor's module it was there.
    def has_grpc(pid: int) -> bool:
        return "cygrpc" in Path(f"/proc/{pid}/maps").read_text()

    assert not has_grpc(serving.process.pid)
    assert all(map(has_grpc, workers(serving).values()))


async def test_a_killed_worker_is_noticed_by_nobody_and_comes_back(serving: Server) -> None:
    over = False

    async def live(client: TokenAuthorityClient, user_id: str) -> int:
        calls = 0
        while not over:
            pair = await client.create_pair(Subject(user_id=user_id, username=user_id))
            for _ in range(5):
                assert await client.validate(pair.access_token)
                pair = (await client.refresh(pair.refresh_token)).pair
            calls += 11
        return calls

    address = serving.address("grpc")
    async with AsyncExitStack() as clients, asyncio.TaskGroup() as callers:
        living = []
        for number in range(4):
            client = await clients.enter_async_context(TokenAuthorityClient(address))
            living.append(callers.create_task(live(client, f"u-{number}")))
        for name in ("0", "1"):
            dying = workers(serving)[name]
            os.kill(dying, signal.SIGKILL)
            await until(lambda dying=dying: has_ended(dying))  # type: ignore[misc]

            async def back(name: str = name, dying: int = dying) -> bool:
                found = workers(serving).get(name, dying) != dying
                return found and await both_ready(serving)

            await eventually(back, RESTART_SECONDS)
        over = True

    assert all([await one > 11 for one in living])
    assert await samples(serving, "tokenauthority_worker_restarts_total") == {"0": 1, "1": 1}
    assert serving.text.count('"how":"signal SIGKILL"') == 2
    assert serving.stop(signal.SIGTERM) == 0


async def test_workers_end_with_their_supervisor_however_it_ends(serving: Server) -> None:
    # Guard: where the end of the line set nothing, they went on.
    left = list(workers(serving).values())
    assert len(left) == 2
    serving.process.kill()
    serving.process.wait(5)

    await eventually(lambda: all_ended(left), 10)

    assert not accepts(f"//{serving.address('grpc')}")
    assert "Traceback" not in serving.text


async def all_ended(pids: list[int]) -> bool:
    return all(map(has_ended, pids))


async def test_who_drains_says_so_and_still_answers(serving: Server) -> None:
    async with TokenAuthorityClient(serving.address("grpc")) as client:
        pair = await client.create_pair(Subject(user_id="1", username="ann"))
        serving.process.send_signal(signal.SIGTERM)

        async def draining() -> bool:
            readyz = await http(serving).ask("/readyz")
            return (readyz.status, readyz.json["status"]) == (503, "draining")

        await eventually(draining)
        assert await client.validate(pair.access_token)
    assert await asyncio.to_thread(serving.process.wait, 20) == 0
    assert not accepts(f"//{serving.address('http')}")


@pytest.mark.parametrize("count", ["1", "2"])
def test_another_authority_does_not_share_the_port(
    serving: Server, settings: Mapping[str, str], tmp_path: Path, count: str
) -> None:
    # Guard: without the listening try in `hold`, two of them shared it in silence.
    port = serving.address("grpc").rpartition(":")[2]

    refused = run(
        PROGRAM,
        "serve",
        folder=tmp_path,
        settings={**settings, "WORKERS": count, "GRPC_PORT": port},
    )

    assert refused.code == 1
    told = f"GRPC_PORT: cannot listen on 127.0.0.1:{port}: another program listens there."
    assert refused.text.count(told) == 1


def test_what_no_worker_can_start_with_is_told_once(
    settings: Mapping[str, str], tmp_path: Path
) -> None:
    wrong = {"TLS_CERT_FILE": "/nowhere.crt", "TLS_KEY_FILE": "/nowhere.key"}

    refused = run(PROGRAM, "serve", folder=tmp_path, settings={**settings, **wrong})

    assert refused.code == 2
    assert refused.text.count("TLS_CERT_FILE: ") == 1
    assert "Traceback" not in refused.text


async def test_nobody_is_let_in_before_a_worker_can_answer(
    settings: Mapping[str, str], tmp_path: Path
) -> None:
    # Guard: with the port taken at once, as one process does, it was open.
    away = {**settings, "DATABASE_URL": "postgresql://127.0.0.1:1/nowhere"}
    waiting = '"event":"not ready yet"'
    with server(PROGRAM, "serve", tmp_path / "output", away, waiting) as started:
        readyz = await http(started).ask("/readyz")

        assert (readyz.status, readyz.json["status"]) == (503, "starting")
        assert (await http(started).ask("/livez")).status == 200
        assert (await http(started).ask("/.well-known/jwks.json")).status == 503
        assert not accepts(f"//{started.address('grpc')}")
        assert started.stop(signal.SIGTERM) == 0


def test_the_workers_of_dev_use_its_stores(tmp_path: Path) -> None:
    settings = {"WORKERS": "2", "DATA_DIR": str(tmp_path / "data"), "LOG_FORMAT": "json"}
    tmp_path.chmod(0o711)
    ready = "The token authority is ready."
    with server(PROGRAM, "dev", tmp_path / "output", settings, ready) as started:
        assert len(workers(started)) == 2
        assert started.stop(signal.SIGINT) == 0
    assert "Traceback" not in started.text


def test_a_worker_is_started_by_nobody_else(settings: Mapping[str, str], tmp_path: Path) -> None:
    done = run(PROGRAM, "worker", "0", "99", folder=tmp_path, settings=settings)
    assert (done.code, done.text) == (
        2,
        "Give WORKERS to `tokenauthority serve`, which starts them.\n",
    )
