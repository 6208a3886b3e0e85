"""The same commits through asyncpg without gRPC: what the store gives at this concurrency."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection

from benchmarks.commits import BareStore
from benchmarks.load import Outcome, Phase, Rpc, keep_busy
from benchmarks.worker import Worker, orders
from benchmarks.workload import AGENT, IP, SCOPE, Seed

Commit = Callable[[bytes], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class Commits:
    """The commit of one RPC, for these sessions, so many at once."""

    rpc: Rpc
    seeds: tuple[Seed, ...]
    in_flight: int


def run(pipe: Connection, database_url: str) -> None:
    """Take each Commits, and run the last one for each Phase; answer its Outcome."""
    with asyncio.Runner() as runner:
        store = runner.run(BareStore.open(database_url))
        for order in orders(pipe):
            if isinstance(order, Commits):
                commits, bodies = order, deque(_body(seed) for seed in order.seeds)
            else:
                step = _refresh(store) if commits.rpc == "Refresh" else _create(store)
                pipe.send(runner.run(keep_busy(step, bodies, commits.in_flight, order)))
        runner.run(store.close())


class Alone:
    """Drives itself, so there is no driver whose fault it could be."""

    pids: tuple[int, ...] = ()

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def start(self, phase: Phase) -> None:
        self._worker.tell(phase)

    def finish(self) -> Outcome:
        outcome: Outcome = self._worker.answer()
        return outcome


def _body(seed: Seed) -> bytes:
    return f"{seed.user_id} {seed.device_id} {seed.session_id}".encode()


def _refresh(store: BareStore) -> Commit:
    async def step(body: bytes) -> bytes:
        await store.refresh(*body.decode().split())
        return body

    return step


def _create(store: BareStore) -> Commit:
    async def step(body: bytes) -> bytes:
        user_id, device_id, _ = body.decode().split()
        await store.create(user_id, device_id, AGENT, IP, SCOPE)
        return body

    return step
