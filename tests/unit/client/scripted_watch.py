"""An authority whose WatchRevocations plays a script, over a real gRPC server."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from unit.client.scripted_authority import SERVICE, Refusal

from tokenauthority.v1 import token_service_pb2 as pb

Response = pb.WatchRevocationsResponse


@dataclass
class ScriptedWatch:
    """Sends these messages, bytes that make none for None; then ends as it is told, or stays."""

    sends: Sequence[Response | None] = ()
    ends: Refusal | None = None
    received: list[pb.WatchRevocationsRequest] = field(default_factory=list)
    metadata: dict[str, str | bytes] = field(default_factory=dict)
    reported: asyncio.Event = field(default_factory=asyncio.Event)

    async def play(
        self,
        requests: AsyncIterator[pb.WatchRevocationsRequest],
        context: grpc.aio.ServicerContext[Any, Any],
    ) -> None:
        self.metadata = dict(context.invocation_metadata() or ())
        self.received.append(await anext(aiter(requests)))
        for message in self.sends:
            await context.write(message.SerializeToString() if message else b"\xff")
        if self.ends:
            await context.abort(self.ends.code, self.ends.text, self.ends.trailers)
        async for request in requests:
            self.received.append(request)
            self.reported.set()

    def handlers(self) -> grpc.GenericRpcHandler:
        """The one method that it has."""
        handler: grpc.RpcMethodHandler[Any, Any] = grpc.stream_stream_rpc_method_handler(
            self.play, request_deserializer=pb.WatchRevocationsRequest.FromString
        )
        return grpc.method_handlers_generic_handler(SERVICE, {"WatchRevocations": handler})


@asynccontextmanager
async def watched(authority: ScriptedWatch) -> AsyncIterator[str]:
    """Serve it, and return its address."""
    server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
    server.add_generic_rpc_handlers([authority.handlers()])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)
