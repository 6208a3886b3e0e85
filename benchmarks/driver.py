"""A driver: a process that asks raw bytes of a server over grpc.aio, as cheaply as Python can."""

import asyncio
import os
from collections import deque
from collections.abc import Mapping
from multiprocessing.connection import Connection
from typing import Final

import grpc

from benchmarks.load import CALL_SECONDS, Outcome, Phase, Rpc, Work, keep_busy, path_of
from benchmarks.worker import orders
from tokenauthority.v1 import token_service_pb2 as pb

NICE = 5
"""What a driver costs comes out of what the servers leave."""

ACTIVE = pb.ValidateResponse(active=True).SerializeToString()
"""How the answer about a good token begins."""

BEFORE_VERDICT: Final[Mapping[Rpc, int]] = {"Validate": 0, "BatchValidate": 3}
"""What comes before the first verdict: in a list a tag, and a length of two bytes."""


class WrongAnswerError(Exception):
    """The call went well, and its answer is not the one that is measured."""


def run(pipe: Connection) -> None:
    """Prepare each Work and run each Phase that the pipe brings; answer the latter's Outcome."""
    os.nice(NICE)
    sides: dict[str, _Side] = {}
    with asyncio.Runner() as runner:
        for order in orders(pipe):
            if isinstance(order, Work):
                sides[order.side] = runner.run(_Side.open(order))
            else:
                pipe.send(runner.run(sides[order.side].ask(order)))
        for side in sides.values():
            runner.run(side.close())


class _Side:
    def __init__(self, work: Work, channel: grpc.aio.Channel) -> None:
        self._work = work
        self._bodies = deque(work.bodies)
        self._channel = channel
        self._call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(
            path_of(work.rpc)
        )

    @classmethod
    async def open(cls, work: Work) -> "_Side":
        return cls(work, grpc.aio.insecure_channel(work.address))

    async def ask(self, phase: Phase) -> Outcome:
        return await keep_busy(self._step, self._bodies, self._work.in_flight, phase)

    async def close(self) -> None:
        await self._channel.close()

    async def _step(self, body: bytes) -> bytes:
        return following(self._work.rpc, body, await self._call(body, timeout=CALL_SECONDS))


def following(rpc: Rpc, body: bytes, answer: bytes) -> bytes:
    """Return the request to send after this one: the next of its chain, or itself again."""
    if rpc == "Refresh":
        token = pb.RefreshResponse.FromString(answer).pair.refresh_token
        if not token:
            raise WrongAnswerError
        return pb.RefreshRequest(refresh_token=token).SerializeToString()
    if not answer or (rpc in BEFORE_VERDICT and not answer.startswith(ACTIVE, BEFORE_VERDICT[rpc])):
        raise WrongAnswerError
    return body
