"""What is served over HTTP: metrics, health for probes, and the public keys for verifiers."""

import asyncio
import contextlib
import hashlib
import socket
from collections.abc import Generator, Mapping
from typing import Any, Final, Protocol, Self

import uvicorn
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from typing_extensions import override

from tokenauthority_server.domain.errors import StoreUnavailableError
from tokenauthority_server.transport.binding import bind

JWKS_MAX_AGE_SECONDS: Final = 300
"""How long verifiers may keep the keys. A key is published for longer before it signs."""


class Pages(Protocol):
    """What the pages tell."""

    async def metrics(self) -> Collector:
        """Return what collects every metric."""
        ...

    def readiness(self) -> tuple[bool, Mapping[str, Any]]:
        """Return whether calls should be sent here, and what there is to say about it, as JSON."""
        ...

    async def key_set(self) -> bytes:
        """Return the public keys as a JWK Set (RFC 7517, section 5).

        Raises StoreUnavailableError before any key is known.
        """
        ...


def http_app(pages: Pages) -> Starlette:
    """Return the application; each of its paths answers GET and HEAD."""

    async def show_metrics(request: Request) -> Response:
        try:
            encode, content_type = choose_encoder(request.headers.get("accept", ""))
        except ValueError:
            # A version that is no number; the plain format is what everyone reads.
            encode, content_type = choose_encoder("")
        metrics = await pages.metrics()
        # Writing a thousand series takes 15 ms: calls get their turns meanwhile.
        page = await asyncio.to_thread(encode, metrics)
        return Response(page, headers={"Content-Type": content_type})

    async def livez(_request: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def readyz(_request: Request) -> Response:
        is_ready, said = pages.readiness()
        return JSONResponse(
            said,
            status_code=200 if is_ready else 503,
            headers={"Cache-Control": "no-store"},
        )

    async def jwks(request: Request) -> Response:
        try:
            body = await pages.key_set()
        except StoreUnavailableError:
            # Never an empty set that someone keeps: their verifiers would refuse every token.
            return JSONResponse(
                {"error": "no key is known yet; try again"}, 503, {"Retry-After": "1"}
            )
        tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        headers = {"Cache-Control": f"public, max-age={JWKS_MAX_AGE_SECONDS}", "ETag": tag}
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        # RFC 7517 has a type of its own for it; this is the one that every verifier takes.
        return Response(body, headers=headers, media_type="application/json")

    return Starlette(
        routes=[
            Route("/metrics", show_metrics),
            Route("/livez", livez),
            Route("/readyz", readyz),
            Route("/.well-known/jwks.json", jwks),
        ]
    )


class HttpServer:
    """Serves an application in the running event loop, and leaves the process's signals alone."""

    def __init__(self, app: Starlette, listener: socket.socket) -> None:
        self._listener = listener
        self._server = _Server(
            uvicorn.Config(
                app,
                http="h11",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_graceful_shutdown=2,
            )
        )
        self._serving: asyncio.Task[None] | None = None

    @classmethod
    def bound(cls, host: str, port: int, app: Starlette) -> Self:
        """Return a server that holds its port (any free one for 0); raise BindError."""
        return cls(app, bind("HTTP_PORT", host, port))

    @property
    def port(self) -> int:
        """The port that it listens on."""
        number: int = self._listener.getsockname()[1]
        return number

    async def start(self) -> None:
        """Begin to answer."""
        self._serving = asyncio.create_task(self._server.serve([self._listener]))
        started = asyncio.create_task(self._server.has_started.wait())
        await asyncio.wait({self._serving, started}, return_when=asyncio.FIRST_COMPLETED)
        if not started.done():
            started.cancel()
            await self._serving

    async def stop(self) -> None:
        """Finish what is being answered, within seconds, and give the port back."""
        self._server.should_exit = True
        if self._serving:
            await self._serving
        self._listener.close()


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.has_started = asyncio.Event()

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.has_started.set()

    @override
    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield
