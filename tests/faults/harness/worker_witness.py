"""Asks a worker about the tokens in play, all the time, and has its answers recorded."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final, Self

import grpc
from faults.harness.caller import UNAVAILABLE, reason_of
from faults.harness.connections import Connection
from faults.harness.fleet import Worker
from faults.harness.going_on import going_on
from faults.harness.history import History, Kind, Source
from faults.harness.play import Play

from tokenauthority.v1 import token_service_pb2 as pb

PAUSE: Final = 0.004
"""Seconds between two questions: two processors have all of them to bear."""
ASKED_SECONDS: Final = 15.0
"""Longer than a worker is ever paused: what it was asked meanwhile it answers on waking."""
CALLERS: Final = 2
SOURCES: Final[Mapping["pb.CheckSource.ValueType", Source]] = {
    pb.CHECK_SOURCE_LEASED_VIEW: Source.LEASED_VIEW,
    pb.CHECK_SOURCE_DATABASE: Source.DATABASE,
}


class WorkerWitness:
    """Several callers of one worker, by one connection."""

    def __init__(
        self, worker: Worker, connection: Connection, history: History, play: Play
    ) -> None:
        self.worker = worker
        self.connection = connection
        self.name = connection.name
        self._history = history
        self._play = play

    @classmethod
    @asynccontextmanager
    async def of(
        cls, worker: Worker, connection: Connection, history: History, play: Play
    ) -> AsyncIterator[Self]:
        """Callers that ask until the end of the block."""
        witness = cls(worker, connection, history, play)
        async with going_on(*(witness._ask_for_ever() for _ in range(CALLERS))):
            yield witness

    async def ask(self, names: Sequence[str]) -> None:
        """Ask once about these, and record the answers."""
        tokens = [self._play.tokens[name] for name in names]
        begun = time.monotonic()
        try:
            verdicts = await self._verdicts(tokens)
        except grpc.aio.AioRpcError as error:
            # One that is dead, or has no store to ask, says so; anything else is a fault.
            if reason_of(error) not in UNAVAILABLE | {""}:
                raise
            self._history.not_answered(self.name)
            return
        ended = time.monotonic()
        for name, verdict in zip(names, verdicts, strict=True):
            kind = Kind(self.name, name, SOURCES[verdict.source], verdict.active)
            self._history.answered(kind, begun=begun, ended=ended)

    async def ask_again(self) -> None:
        """See Witness."""
        await self.ask(list(self._play.tokens))

    async def _ask_for_ever(self) -> None:
        while True:
            if names := list(self._play.tokens):
                one = [random.choice(names)]  # noqa: S311 - no secret
                await self.ask(random.choice([names, one, one, one]))  # noqa: S311 - no secret
            await asyncio.sleep(PAUSE)

    async def _verdicts(self, tokens: Sequence[str]) -> Sequence[pb.ValidateResponse]:
        if len(tokens) == 1:
            request = pb.ValidateRequest(token=tokens[0])
            return [await self.connection.stub.Validate(request, timeout=ASKED_SECONDS)]
        batch = pb.BatchValidateRequest(tokens=tokens)
        return (await self.connection.stub.BatchValidate(batch, timeout=ASKED_SECONDS)).results
