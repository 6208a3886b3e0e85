"""The bare side: a grpc.aio server with the contract's messages and nothing around them."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection

import grpc
from google.protobuf.message import Message

from benchmarks.commits import BareStore
from benchmarks.load import SERVICE
from tokenauthority.v1 import token_service_pb2 as pb

# What the authority sets too: a second server must not take half of the connections.
OPTIONS = (("grpc.so_reuseport", 0),)


@dataclass(frozen=True, slots=True)
class Answers:
    """Real answers of the authority, serialized; the bare server repeats them."""

    validate: bytes
    create: bytes


def refresh_token(user_id: str, device_id: str, session_id: str, length: int) -> str:
    """Return what stands for a refresh token here: what to update, as long as a real one."""
    return f"{user_id} {device_id} {session_id} ".ljust(length, "x")


def run(pipe: Connection, database_url: str, answers: Answers) -> None:
    """Serve until the pipe's other end is closed; the port is the only thing that it is sent."""
    asyncio.run(_serve(pipe, database_url, answers))


async def _serve(pipe: Connection, database_url: str, answers: Answers) -> None:
    store = await BareStore.open(database_url)
    server = grpc.aio.server(options=OPTIONS)
    methods = _Methods(store, answers)
    handlers = {
        "Validate": _handler(methods.validate, pb.ValidateRequest),
        "Refresh": _handler(methods.refresh, pb.RefreshRequest),
        "CreatePair": _handler(methods.create_pair, pb.CreatePairRequest),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    closed = asyncio.Event()
    asyncio.get_running_loop().add_reader(pipe.fileno(), closed.set)
    pipe.send(port)
    await closed.wait()
    await server.stop(0)
    await store.close()


class _Methods:
    def __init__(self, store: BareStore, answers: Answers) -> None:
        self._store = store
        self._validate = pb.ValidateResponse.FromString(answers.validate)
        self._create = pb.CreatePairResponse.FromString(answers.create)

    async def validate(self, _: pb.ValidateRequest, __: object) -> pb.ValidateResponse:
        return self._validate

    async def refresh(self, request: pb.RefreshRequest, _: object) -> pb.RefreshResponse:
        user_id, device_id, session_id, _rest = request.refresh_token.split(" ", 3)
        await self._store.refresh(user_id, device_id, session_id)
        pair = pb.TokenPair()
        pair.CopyFrom(self._create.pair)
        pair.refresh_token = request.refresh_token
        return pb.RefreshResponse(pair=pair)

    async def create_pair(self, request: pb.CreatePairRequest, _: object) -> pb.CreatePairResponse:
        device = request.device
        await self._store.create(
            request.user_id,
            device.device_id,
            device.user_agent,
            device.ip_address,
            list(request.scope),
        )
        return self._create


def _handler(
    method: Callable[..., Awaitable[Message]], request: type[Message]
) -> "grpc.RpcMethodHandler[Message, Message]":
    return grpc.unary_unary_rpc_method_handler(
        method,
        request_deserializer=request.FromString,
        response_serializer=lambda message: message.SerializeToString(),
    )
