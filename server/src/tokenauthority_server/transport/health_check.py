"""Asks a server for its health, as a container's health check does."""

from typing import Final

import grpc
from grpc_health.v1 import health_pb2

from tokenauthority_server.transport.binding import address_of

_SECONDS: Final = 2.0


async def check(host: str, port: int, name: str) -> str:
    """Return what the server says of `name`: SERVING, NOT_SERVING; else the code of the failure.

    UNAVAILABLE: nothing listens there. NOT_FOUND: the server knows no such name.
    """
    async with grpc.aio.insecure_channel(address_of(host, port)) as channel:
        ask = channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            health_pb2.HealthCheckRequest.SerializeToString,
            health_pb2.HealthCheckResponse.FromString,
        )
        try:
            response = await ask(health_pb2.HealthCheckRequest(service=name), timeout=_SECONDS)
        except grpc.aio.AioRpcError as error:
            return error.code().name
    return health_pb2.HealthCheckResponse.ServingStatus.Name(response.status)
