"""An authority for tests of the client: a real gRPC server that answers from a script."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import grpc
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from grpc_health.v1 import health_pb2
from grpc_health.v1._async import HealthServicer
from grpc_health.v1.health_pb2_grpc import add_HealthServicer_to_server

from tokenauthority.v1 import account_service_pb2, admin_service_pb2, token_service_pb2

SERVICES: Final = [
    service
    for module in (token_service_pb2, account_service_pb2, admin_service_pb2)
    for service in module.DESCRIPTOR.services_by_name.values()
]
SERVICE: Final = token_service_pb2.DESCRIPTOR.services_by_name["TokenService"].full_name
_Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True)
class Refusal:
    """A line of the script that ends the call with an error."""

    code: grpc.StatusCode
    text: str = "as the script says"
    trailers: tuple[tuple[str, str | bytes], ...] = ()


@dataclass(frozen=True)
class Silence:
    """A line of the script that never ends."""


Line = Message | Refusal | Silence
SILENCE: Final = Silence()


def refusal(
    code: grpc.StatusCode, reason: str | ErrorInfo, *details: Message, request_id: str = ""
) -> Refusal:
    """Explain an error as the contract says."""
    if isinstance(reason, str):
        reason = ErrorInfo(reason=reason, domain="tokenauthority")
    status = Status(code=code.value[0], message="as the script says")
    for detail in (reason, *details):
        status.details.add().Pack(detail)
    trailers: list[tuple[str, str | bytes]] = [
        ("grpc-status-details-bin", status.SerializeToString())
    ]
    if request_id:
        trailers.append(("x-request-id", request_id))
    return Refusal(code, status.message, tuple(trailers))


@dataclass(frozen=True)
class Received:
    """A call as it arrived."""

    rpc: str
    request: Message
    metadata: Mapping[str, str | bytes]
    seconds_left: float | None


@dataclass
class ScriptedAuthority:
    """Answers each RPC with the next line of its script, with the last one for ever after."""

    script: dict[str, list[Line]] = field(default_factory=dict)
    received: list[Received] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    abandoned: asyncio.Event = field(default_factory=asyncio.Event)
    health: HealthServicer = field(default_factory=HealthServicer)
    address: str = ""

    async def serves(self, *, calls: bool) -> None:
        """Say from now on that calls should be sent here, or that none should."""
        answer = health_pb2.HealthCheckResponse
        await self.health.set(SERVICE, answer.SERVING if calls else answer.NOT_SERVING)

    def handlers(self, service: ServiceDescriptor) -> grpc.GenericRpcHandler:
        """The methods of a service of the contract, streams excepted."""
        return grpc.method_handlers_generic_handler(
            service.full_name,
            {
                method.name: self._handler(method)
                for method in service.methods
                if not (method.client_streaming or method.server_streaming)
            },
        )

    def _handler(self, method: MethodDescriptor) -> "grpc.RpcMethodHandler[Message, Message]":
        response = GetMessageClass(method.output_type)

        async def play(request: Message, context: _Context) -> Message:
            metadata = dict(context.invocation_metadata() or ())
            self.received.append(Received(method.name, request, metadata, context.time_remaining()))
            self.arrived.set()
            lines = self.script.get(method.name, [response()])
            line = lines.pop(0) if len(lines) > 1 else lines[0]
            if isinstance(line, Refusal):
                await context.abort(line.code, line.text, line.trailers)
            if isinstance(line, Silence):
                try:
                    await asyncio.Event().wait()
                finally:
                    self.abandoned.set()
            assert isinstance(line, response)
            return line

        return grpc.unary_unary_rpc_method_handler(
            play,
            request_deserializer=GetMessageClass(method.input_type).FromString,
            response_serializer=response.SerializeToString,
        )


@asynccontextmanager
async def serving(
    authority: ScriptedAuthority, credentials: grpc.ServerCredentials | None = None
) -> AsyncIterator[ScriptedAuthority]:
    """Serve it, and its health, on a free port of the loopback, which becomes its address."""
    server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
    server.add_generic_rpc_handlers([authority.handlers(service) for service in SERVICES])
    add_HealthServicer_to_server(authority.health, server)
    if credentials is None:
        port = server.add_insecure_port("127.0.0.1:0")
    else:
        port = server.add_secure_port("127.0.0.1:0", credentials)
    authority.address = f"127.0.0.1:{port}"
    await server.start()
    try:
        yield authority
    finally:
        await server.stop(None)
