"""Asks a server for its health, as a container's health check does."""

import asyncio
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from typing import Final

import grpc
from grpc_health.v1 import health_pb2

from tokenauthority_server.transport.binding import address_of

_SECONDS: Final = 2.0
PATHS: Final = {"readiness": "/readyz", "liveness": "/livez"}
"""Where HTTP tells of them: for this, and for probes that cannot ask over gRPC."""


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


async def check_over_http(host: str, port: int, name: str) -> str:
    """Return what the server's HTTP port says of `name`, as `check` does.

    For a gRPC port with TLS: it may ask for a certificate, and this has none.
    """
    if name not in PATHS:
        return "NOT_FOUND"
    return await asyncio.to_thread(_get, host, port, PATHS[name])


def _get(host: str, port: int, path: str) -> str:
    connection = HTTPConnection(host, port, timeout=_SECONDS)
    try:
        connection.request("GET", path)
        return "SERVING" if connection.getresponse().status == HTTPStatus.OK else "NOT_SERVING"
    except (OSError, HTTPException):
        return "UNAVAILABLE"
    finally:
        connection.close()
