"""The whole authority in this process, over real stores, as its callers meet it."""

import asyncio
import base64
import io
import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
from grpc_health.v1 import health_pb2
from prometheus_client.parser import text_string_to_metric_families
from support.http import HttpClient
from support.logs import configured
from support.tls import TlsFolder
from support.waiting import until

from tokenauthority.v1.token_service_pb2_grpc import TokenServiceStub
from tokenauthority_client import TokenAuthorityClient
from tokenauthority_server.app import Authority, running
from tokenauthority_server.config import load_settings

if TYPE_CHECKING:
    from tokenauthority.v1.token_service_pb2_grpc import TokenServiceAsyncStub

KEY = base64.b64encode(os.urandom(32)).decode()
NO_FILE = Path("no .env file")
READY_SECONDS = 10


@dataclass(frozen=True)
class Served:
    """A running authority. `log` is what it has logged, in lines of JSON."""

    authority: Authority
    channel: grpc.aio.Channel
    stub: "TokenServiceAsyncStub"
    client: TokenAuthorityClient
    http: HttpClient
    log: io.StringIO
    starting: asyncio.Task[None]

    async def logged(self, event: str, **fields: object) -> list[dict[str, Any]]:
        """The lines of the log that tell of this event with these fields, as soon as there is one.

        The log is written a moment after the caller has its answer.
        """
        await until(lambda: self._lines(event, fields))
        return self._lines(event, fields)

    def _lines(self, event: str, fields: Mapping[str, object]) -> list[dict[str, Any]]:
        wanted = {"event": event, **fields}.items()
        lines = [json.loads(line) for line in self.log.getvalue().splitlines()]
        return [line for line in lines if wanted <= line.items()]

    async def health(self, name: str) -> str:
        """What grpc.health.v1 says of a name."""
        check = self.channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )
        response = await check(health_pb2.HealthCheckRequest(service=name), timeout=5)
        return health_pb2.HealthCheckResponse.ServingStatus.Name(response.status)

    async def stores(self) -> Mapping[str, str]:
        """What /readyz says of each store."""
        stores: Mapping[str, str] = (await self.http.ask("/readyz")).json["stores"]
        return stores

    async def samples(self, name: str) -> dict[tuple[str, ...], float]:
        """The samples of a metric by the values of their labels, in the labels' order."""
        page = (await self.http.ask("/metrics")).body.decode()
        return {
            tuple(sample.labels[label] for label in sorted(sample.labels)): sample.value
            for family in text_string_to_metric_families(page)
            for sample in family.samples
            if sample.name == name
        }


@asynccontextmanager
async def serving(  # noqa: PLR0913 - all but two by name
    database_url: str,
    redis_url: str,
    *,
    ready: bool = True,
    dev: bool = False,
    tls: TlsFolder | None = None,
    credentials: grpc.ChannelCredentials | None = None,
    **settings: str,
) -> AsyncIterator[Served]:
    """An authority on free ports, with the settings of `serve`; ready, unless told otherwise.

    With `dev` everyone may call everything, as under that command. With a folder of TLS its port
    speaks that, and its clients do with credentials.
    """
    environment = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "KEY_ENCRYPTION_KEY": KEY,
        "GRPC_PORT": "0",
        "HTTP_PORT": "0",
        # The first revocation waits for as long, since others may hold leases unheard of.
        "REVOCATION_LEASE_SECONDS": "1",
    }
    if tls:
        environment |= tls.settings
    async with AsyncExitStack() as stack:
        log = stack.enter_context(configured("info", "json"))
        authority = await stack.enter_async_context(
            running(load_settings(environment | settings, NO_FILE, mode="serve"), dev=dev)
        )
        starting = asyncio.create_task(authority.become_ready())
        stack.callback(starting.cancel)
        if ready:
            await asyncio.wait_for(asyncio.shield(starting), READY_SECONDS)
        address = authority.addresses.grpc
        channel = await stack.enter_async_context(
            grpc.aio.secure_channel(address, credentials)
            if credentials
            else grpc.aio.insecure_channel(address)
        )
        client = await stack.enter_async_context(
            TokenAuthorityClient(address, credentials=credentials)
        )
        yield Served(
            authority=authority,
            channel=channel,
            stub=TokenServiceStub(channel),
            client=client,
            http=HttpClient(int(authority.addresses.http.rpartition(":")[2])),
            log=log,
            starting=starting,
        )
