"""Every RPC that the authority serves, out of the contract, and a call of any of them."""

import asyncio
import importlib
import pkgutil
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import grpc
from google.protobuf.descriptor import MethodDescriptor
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2
from support.failures import failure_of

import tokenauthority.v1

SECONDS: Final = 10


@dataclass(frozen=True)
class Rpc:
    """A method by its path; `streams` is of its requests, and of its answers."""

    path: str
    streams: tuple[bool, bool]

    @property
    def name(self) -> str:
        """As a callers' file has it."""
        return self.path.removeprefix("/").removeprefix("tokenauthority.v1.")

    @property
    def service(self) -> str:
        return self.name.partition("/")[0]


def _every_rpc() -> Sequence[Rpc]:
    files = [
        importlib.import_module(f"tokenauthority.v1.{found.name}").DESCRIPTOR
        for found in pkgutil.iter_modules(tokenauthority.v1.__path__)
        if found.name.endswith("_pb2")
    ]
    rpcs = [
        _rpc(method)
        for file in (*files, health_pb2.DESCRIPTOR, reflection_pb2.DESCRIPTOR)
        for service in file.services_by_name.values()
        for method in service.methods
    ]
    # The same service under its newer name, of which the library has no descriptor.
    renamed = [
        Rpc(one.path.replace(".v1alpha.", ".v1."), one.streams)
        for one in rpcs
        if ".v1alpha." in one.path
    ]
    return [*rpcs, *renamed]


def _rpc(method: MethodDescriptor) -> Rpc:
    path = f"/{method.containing_service.full_name}/{method.name}"
    return Rpc(path, (method.client_streaming, method.server_streaming))


EVERY_RPC: Final = _every_rpc()
Metadata = Sequence[tuple[str, str]]


async def reason_of(channel: grpc.aio.Channel, rpc: Rpc, metadata: Metadata = ()) -> str:
    """Call it with an empty request; return the reason of its refusal, "" for an answer.

    What gRPC itself makes of a call, as where there is no connection, is told by its code.
    """
    return await _reason(_called(channel, rpc, metadata))


async def _reason(called: Any) -> str:
    try:
        failure = await failure_of(asyncio.wait_for(called, SECONDS))
    except AssertionError:
        return ""
    return failure.reason if failure.infos else failure.code.name


async def _called(channel: Any, rpc: Rpc, metadata: Metadata) -> bytes:
    sent = tuple(metadata)
    match rpc.streams:
        case (False, False):
            answer: bytes = await channel.unary_unary(rpc.path)(b"", metadata=sent)
            return answer
        case (True, False):
            return bytes(await channel.stream_unary(rpc.path)(iter(()), metadata=sent))
        case (False, True):
            call: Any = channel.unary_stream(rpc.path)(b"", metadata=sent)
        case _:
            call = channel.stream_stream(rpc.path)(iter(()), metadata=sent)
    # The first answer is enough: some go on for good.
    async for first in call:
        call.cancel()
        return bytes(first)
    return b""
