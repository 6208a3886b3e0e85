"""The workers and the clients, their stores, and all that is done to them."""

import asyncio
from collections.abc import Callable, Sequence
from itertools import product
from random import Random
from typing import TypeAlias, TypeVar

from model.revocation.client import Client, Serving
from model.revocation.database import Database
from model.revocation.events import (
    HOSTS,
    Down,
    Empty,
    FailOver,
    HangUp,
    Kill,
    Network,
    Pause,
    RestartDatabase,
    RestartEmpty,
    Stop,
    Trim,
)
from model.revocation.host import State
from model.revocation.network import CALM, Weather
from model.revocation.plan import Plan
from model.revocation.redis import Redis
from model.revocation.worker import Parts, Worker

from tokenauthority_server.revocation.verifier import Verifier

V = TypeVar("V", Worker, Client)

OfStores: TypeAlias = Empty | RestartEmpty | FailOver | Trim | Down | RestartDatabase
Disturbance: TypeAlias = Pause | Kill | Stop | HangUp | Network | OfStores


class Fleet:
    """`note` writes down what happens; `woken` is called with one that goes on, before it does."""

    def __init__(  # noqa: PLR0913 - each of them is needed
        self,
        plan: Plan,
        parts: Parts,
        database: Database,
        redis: Redis,
        *,
        note: Callable[[str], None],
        woken: Callable[[Worker | Client], object],
    ) -> None:
        self.workers: list[Worker] = []
        self.clients: list[Client] = []
        self._plan = plan
        self._parts = parts
        self._database = database
        self._redis = redis
        self._note = note
        self._woken = woken
        self._stores: dict[str, Redis | Database] = {"redis": redis, "postgresql": database}
        self._all: list[Worker | Client] = []
        self._weather: dict[tuple[str, int], Weather] = {}

    def start(self) -> None:
        """Start all of them."""
        for number in range(HOSTS):
            self.workers.append(self._started(number))
        for number in range(HOSTS, HOSTS + self._plan.clients):
            self.clients.append(self._joined(number))

    def over(self) -> None:
        """Let nothing more come of any that ever was."""
        for one in self._all:
            one.over()

    @property
    def everybody(self) -> Sequence[Worker | Client]:
        """All who verify, by their numbers."""
        return [*self.workers, *self.clients]

    def holder(self, row: str) -> Verifier | None:
        """Return whose row this is now."""
        found = (one.verifier for one in self.workers if one.verifier._row == row)
        return next(found, None)

    def _joined(self, number: int) -> Client:
        before = sum(one.number == number for one in self._all)
        return self._known(
            self._parts.client(
                number=number,
                name=f"c{number}.{before + 1}",
                seed=self._plan.seed,
                find=self._find,
            )
        )

    def _find(self, random: Random) -> Serving | None:
        found = [worker for worker in self.workers if worker.serves]
        return random.choice(found).serving if found else None

    def _started(self, number: int) -> Worker:
        before = sum(one.number == number for one in self._all)
        name = f"w{number}.{before + 1}"
        worker = Worker(
            number=number,
            name=name,
            seed=self._plan.seed,
            database=self._database,
            redis=self._redis,
            parts=self._parts,
            lease=self._plan.leases[(number + before) % len(self._plan.leases)],
        )
        return self._known(worker)

    def _known(self, verifier: V) -> V:
        for (store, host), weather in self._weather.items():
            if host == verifier.number:
                verifier.links[store].weather = weather
        self._all.append(verifier)
        self._note(f"{verifier.host.name} starts")
        return verifier

    def disturb(self, what: Disturbance) -> None:
        """Do this to it."""
        self._note(f"=== {what}")
        match what:
            case Pause() | Kill() | Stop() | HangUp():
                self._strike_down(self.everybody[what.host], what)
            case Network(stores, host, weather, seconds):
                for way in product(stores, range(HOSTS) if host is None else [host]):
                    self._blow(way, weather)
                    asyncio.get_running_loop().call_later(seconds, self._still, way, weather)
            case _:
                self._disturb_stores(what)

    def _strike_down(self, worker: Worker | Client, what: Pause | Kill | Stop | HangUp) -> None:
        loop = asyncio.get_running_loop()
        match what:
            case Pause():
                worker.host.pause()
                loop.call_later(what.seconds, self._resume, worker)
            case Kill():
                worker.host.kill()
                loop.call_later(what.after, self._replace, worker)
            case HangUp():
                if isinstance(worker, Client):
                    worker.hang_up()
            case Stop():
                if isinstance(worker, Worker):
                    worker.stop()
                loop.call_later(what.after, self._replace, worker)

    def _disturb_stores(self, what: OfStores) -> None:
        match what:
            case Empty():
                self._redis.data_set.empty()
            case RestartEmpty():
                self._redis.restart_empty()
            case FailOver():
                self._redis.fail_over(what.behind)
            case Trim():
                self._redis.trim(what.kept)
            case RestartDatabase():
                self._database.restart()
            case Down():
                store = self._stores[what.store]
                store.down = True
                asyncio.get_running_loop().call_later(what.seconds, store.up)

    def _resume(self, worker: Worker | Client) -> None:
        if worker.host.state is State.PAUSED:
            self._note(f"{worker.host.name} goes on")
        worker.host.resume(lambda: self._woken(worker))

    def _replace(self, worker: Worker | Client) -> None:
        number = worker.number
        if self.everybody[number] is not worker:
            return
        worker.host.kill()
        if isinstance(worker, Worker):
            self.workers[number] = self._started(number)
        else:
            self.clients[number - HOSTS] = self._joined(number)

    def _blow(self, way: tuple[str, int], weather: Weather) -> None:
        self._weather[way] = weather
        store, number = way
        self.everybody[number].links[store].weather = weather

    def _still(self, way: tuple[str, int], weather: Weather) -> None:
        if self._weather.get(way) is weather:
            self._blow(way, CALM)

    def calm(self) -> None:
        """Let nothing be wrong any more."""
        self._note("=== all is quiet from here on")
        for way in list(self._weather):
            self._blow(way, CALM)
        for store in self._stores.values():
            store.up()
        for one in self.everybody:
            if one.host.state is State.DEAD or not (isinstance(one, Client) or one.serves):
                self._replace(one)
            self._resume(one)
