"""Tokens that are issued, shown to all verifiers, revoked, and asked about all the time."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import partial
from itertools import count
from typing import Final, Protocol, Self

import grpc
from faults.harness.caller import UNKNOWN, device_of, reason_of
from faults.harness.client_witness import ClientWitness
from faults.harness.connections import connections_to
from faults.harness.fleet import Fleet
from faults.harness.forms import FORMS, Acknowledgement, Holding
from faults.harness.history import CONVERGES, History, Kind, Source
from faults.harness.pace import Pace
from faults.harness.play import LATEST, Play
from faults.harness.served import Served
from faults.harness.worker_witness import WorkerWitness

from tokenauthority.v1 import token_service_pb2 as pb

INSIST_SECONDS: Final = 20.0
SEEN_SECONDS: Final = 30.0
PAUSE: Final = 0.02


class Witness(Protocol):
    """Somebody who is asked about all in play, all the time, and whose answers are recorded."""

    name: str

    async def ask_again(self) -> None:
        """Return when it has been asked about all in play once more, and that is recorded."""
        ...


class Trial:
    """The workers of a fleet and some strict clients, before one history."""

    def __init__(self, fleet: Fleet, name: str, pace: Pace, converges: float) -> None:
        self.pace = pace
        self.fleet = fleet
        self.history = History(converges)
        self.play = Play()
        self.workers: list[WorkerWitness] = []
        self.clients: list[ClientWitness] = []
        self._name = name
        self._numbers = count()
        self._issued: list[Holding] = []
        self._converges = converges

    @classmethod
    @asynccontextmanager
    async def of(
        cls,
        fleet: Fleet,
        name: str,
        *,
        clients: int = 2,
        connections: int = 1,
        converges: float = CONVERGES,
    ) -> AsyncIterator[Self]:
        """Let all be asked until the end of the block; then check what they said.

        Workers that share a port are met by several connections.
        """
        async with AsyncExitStack() as stack:
            pace = await stack.enter_async_context(Pace.kept())
            trial = cls(fleet, name, pace, converges)
            for worker in fleet.workers:
                found = await stack.enter_async_context(connections_to(worker, connections))
                for one in found:
                    witness = WorkerWitness.of(worker, one, trial.history, trial.play)
                    trial.workers.append(await stack.enter_async_context(witness))
            for number in range(clients):
                # Each begins at another worker.
                turned = [*fleet.workers[number % len(fleet.workers) :], *fleet.workers]
                client = ClientWitness.of(number, turned, trial.history, trial.play)
                trial.clients.append(await stack.enter_async_context(client))
            await trial.issue()
            await trial.leased()
            yield trial
            await trial.check()

    @property
    def witnesses(self) -> Sequence[Witness]:
        """All of them."""
        return [*self.workers, *self.clients]

    async def issue(
        self, *, at: Served | None = None, witnesses: Sequence[Witness] | None = None
    ) -> Holding:
        """Return a new token's session when all witnesses, or just these, have accepted it."""
        name = f"u-{self._name}-{next(self._numbers)}"
        request = pb.CreatePairRequest(
            subject=pb.Subject(user_id=name, username=name),
            device=device_of("laptop"),
            request_id=name,
        )
        deadline = time.monotonic() + INSIST_SECONDS
        while (answer := await self._created(at or self._anyone(), request)) is None:
            assert time.monotonic() < deadline, f"{name}: not created"
            await asyncio.sleep(PAUSE)
        one = Holding(name, answer.pair)
        self._issued.append(one)
        self.history.issued(name)
        # The first one is never revoked, and always asked about.
        for holding in (self._issued[0], one):
            self.play.add(holding.name, holding.pair.access_token)
        await self._is_accepted(name, self.witnesses if witnesses is None else witnesses)
        return one

    async def revoke(
        self, one: Holding, fault: str, *, form: str = "", at: Served | None = None
    ) -> bool:
        """Ask until its end is acknowledged; return whether that is effective everywhere.

        It is not where a store had no answer in time, as on a machine that is busy.
        """
        form = form or random.choice(list(FORMS))  # noqa: S311 - no secret
        deadline = time.monotonic() + INSIST_SECONDS
        while True:
            begun = self.history.revoking(one.name)
            answer = await self._acknowledged(at or self._anyone(), one, form)
            if answer is not None:
                effective = answer.effective_everywhere
                self.history.revoked(one.name, begun, fault, effective=effective)
                return effective
            assert time.monotonic() < deadline, f"{fault}: no answer to the end of {one}"
            await asyncio.sleep(PAUSE)

    async def finish(
        self,
        one: Holding,
        fault: str,
        *,
        at: Served | None = None,
        seconds: float = INSIST_SECONDS,
    ) -> None:
        """Ask for its end until that is effective everywhere, for so long."""
        deadline = time.monotonic() + seconds
        while not await self.revoke(one, fault, at=at):
            assert time.monotonic() < deadline, f"{fault}: not effective everywhere: {one}"

    async def issue_and_finish(self, number: int, fault: str) -> None:
        """Do so for so many sessions at once, and look at all that was answered so far."""

        async def one() -> None:
            await self.finish(await self.issue(), fault)

        await asyncio.gather(*(one() for _ in range(number)))
        self.history.check()

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """See that the block takes no longer, but for what the machine takes meanwhile."""
        began, lost = time.monotonic(), self.pace.lost
        yield
        taken = time.monotonic() - began - (self.pace.lost - lost)
        assert taken < seconds, f"{taken:.1f} s"

    async def leased(self) -> None:
        """Return when every verifier answers from its view."""
        for worker in self.workers:
            await self.says(Source.LEASED_VIEW, worker.name)
        for client in self.clients:
            await self.says(Source.CLIENT, client.name)

    async def says(self, source: Source, verifier: str) -> None:
        """Return when it has given one more verdict that rests on this."""
        before = self.history.count(source, verifier)
        await self.is_made(
            lambda: self.history.count(source, verifier) > before, f"{verifier} says {source}"
        )

    def check_answered(self) -> None:
        """Assert that nearly all that workers were asked was answered: a store was there."""
        for worker in self.workers:
            answered = sum(self.history.count(source, worker.name) for source in Source)
            unanswered = self.history.unanswered.get(worker.name, 0)
            assert unanswered <= answered / 50, f"{worker.name}: {unanswered} of {answered}"

    async def check(self) -> None:
        """Ask everybody about every token once more, and compare all answers."""
        unsure = [one.durable for one in self.history.fates.values() if one.durable < one.final]
        last = max((one for one in unsure if one < time.monotonic()), default=0.0)
        await asyncio.sleep(max(0.0, last + self._converges - time.monotonic()))
        for begin in range(0, len(self._issued), LATEST):
            for one in self._issued[begin : begin + LATEST]:
                self.play.add(one.name, one.pair.access_token)
            async with asyncio.TaskGroup() as group:
                for witness in self.witnesses:
                    group.create_task(witness.ask_again())
        print("\n".join(self.history.lines()))  # noqa: T201 - pytest shows it where it matters
        self.history.check()

    def _anyone(self) -> Served:
        return random.choice(self.workers).connection  # noqa: S311 - no secret

    async def _created(
        self, at: Served, request: pb.CreatePairRequest
    ) -> pb.CreatePairResponse | None:
        try:
            return await at.stub.CreatePair(request, timeout=INSIST_SECONDS)
        except grpc.aio.AioRpcError as error:
            _may_be(error)
            return None

    async def _acknowledged(self, at: Served, one: Holding, form: str) -> Acknowledgement | None:
        try:
            return await FORMS[form](at, one)
        except grpc.aio.AioRpcError as error:
            _may_be(error)
            return None

    async def _is_accepted(self, name: str, witnesses: Sequence[Witness]) -> None:
        for witness in witnesses:
            accepted = partial(self._has_accepted, witness.name, name)
            await self.is_made(accepted, f"{witness.name} accepts {name}")

    def _has_accepted(self, verifier: str, name: str) -> bool:
        kinds = (Kind(verifier, name, source, active=True) for source in Source)
        return any(kind in self.history.answers for kind in kinds)

    async def is_made(self, condition: Callable[[], bool], what: str) -> None:
        """Return when other processes have made it so."""
        deadline = time.monotonic() + SEEN_SECONDS
        while not condition():
            assert time.monotonic() < deadline, "\n".join([f"not: {what}", *self.history.lines()])
            await asyncio.sleep(PAUSE)


def _may_be(error: grpc.aio.AioRpcError) -> None:
    """Raise it, unless it only says that nobody knows what came of it."""
    if reason_of(error) not in UNKNOWN | {""} or reason_of(error) == "INTERNAL":
        raise error
