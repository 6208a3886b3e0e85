"""WatchRevocations: a stream that tells of revocations, and takes reports meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any, Final, TypeAlias

import grpc

from tokenauthority.v1 import token_service_pb2 as pb
from tokenauthority_server.domain.callers import Rights
from tokenauthority_server.domain.errors import InvalidRequestError, OverloadedError, Violation
from tokenauthority_server.domain.watch_ports import Watcher
from tokenauthority_server.domain.watch_ports import Watchers as _Watchers
from tokenauthority_server.telemetry.metrics import WatchSeries
from tokenauthority_server.transport import watch_messages

FIRST_SECONDS: Final = 10.0
"""Until the first request has come."""
TAKEN_SECONDS: Final = 60.0
"""Until a message has been taken: whoever takes longer is gone, or as good as that."""

Watchers: TypeAlias = _Watchers[watch_messages.Told]
_Requests = AsyncIterator[pb.WatchRevocationsRequest]
_Context = grpc.aio.ServicerContext[Any, Any]


class WatchCall:
    """Serves the streams of all watchers."""

    def __init__(self, watchers: Watchers, series: WatchSeries) -> None:
        self._watchers = watchers
        self._series = series

    async def serve(self, requests: _Requests, context: _Context, rights: Rights) -> None:
        """Serve one stream until its end, to a caller who has these rights.

        Raises InvalidRequestError, MalformedRequestError, and OverloadedError where it had better
        be resumed elsewhere.
        """
        mode, resume_cursor = watch_messages.first_request(await _first(requests))
        watch = self._watchers.join(mode, resume_cursor)
        watching = self._series.watchers[mode.name]
        watching.inc()
        try:
            async with _read_beside(requests, watch):
                await self._write(watch, context, rights)
        finally:
            watching.dec()
            self._watchers.leave(watch)

    async def _write(
        self, watch: Watcher[watch_messages.Told], context: _Context, rights: Rights
    ) -> None:
        async with aclosing(watch.messages()) as messages:
            async for told in messages:
                message = told.to(rights)
                try:
                    async with asyncio.timeout(TAKEN_SECONDS):
                        await context.write(message)
                except TimeoutError as error:
                    self._series.dropped.inc()
                    raise OverloadedError from error
                if message.snapshot.complete:
                    self._series.snapshots.inc()


async def _first(requests: _Requests) -> pb.WatchRevocationsRequest:
    try:
        async with asyncio.timeout(FIRST_SECONDS):
            async for request in requests:
                return request
    except TimeoutError as error:
        raise OverloadedError from error
    raise InvalidRequestError(Violation("mode", "is required: nothing was sent"))


@asynccontextmanager
async def _read_beside(
    requests: _Requests, watch: Watcher[watch_messages.Told]
) -> AsyncIterator[None]:
    reading = asyncio.create_task(_read(requests, watch))
    try:
        yield
    finally:
        reading.cancel()
        with suppress(asyncio.CancelledError):
            await reading


async def _read(requests: _Requests, watch: Watcher[watch_messages.Told]) -> None:
    """Take reports. A caller that has nothing more to say may go on listening."""
    try:
        async for request in requests:
            watch.report(*watch_messages.report(request))
    except Exception as error:  # noqa: BLE001 - raised where the stream is written
        watch.fail(error)
