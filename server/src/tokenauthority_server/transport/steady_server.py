"""A grpc.aio server that no path of a call can end, and no caller can keep busy for ever.

The server that grpcio ships decodes the path of each call as UTF-8 in the loop that accepts calls.
Bytes that are none end that loop, and with it the server: one request of a stranger, before
anything is asked about who sends it. Here methods are accepted by the name under which they were
registered, and what none of them has is answered without looking at its path.

That server also waits for ever where a caller takes no answer: it never opens the window for it.
Here such a call is ended.

This stands on names that grpcio does not publish; tests/unit/transport/test_steady_server.py fails
when a release of it changes them.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any, Final, NoReturn

import grpc
from grpc._cython import cygrpc  # type: ignore[attr-defined] # grpcio publishes no types of it
from typing_extensions import override

Handlers = Mapping[str, "grpc.RpcMethodHandler[Any, Any]"]
Options = Sequence[tuple[str, int]]
Wrap = Callable[[str, "grpc.RpcMethodHandler[Any, Any]"], "grpc.RpcMethodHandler[Any, Any] | None"]
"""Returns what to serve in a handler's place, by its path; None where nothing is to be served.

Interceptors do as much, but for each call anew.
"""

Handle = Callable[[object], Coroutine[Any, Any, None]]
"""What becomes of a call, of which gRPC's state is given."""

LONGEST_SECONDS: Final = 60.0
"""For a call that is no stream, its answer taken by the caller. No deadline of ours is longer."""

# No method has it, so that gRPC answers UNIMPLEMENTED.
_NO_METHOD: Final = ""

# What gRPC does with a call when it has found its method, by whether requests and answers are
# streams. Methods are known here by the loops that accept their calls.
_HANDLING: Final = {
    (False, False): cygrpc._handle_unary_unary_rpc,  # noqa: SLF001 - see the top
    (False, True): cygrpc._handle_unary_stream_rpc,  # noqa: SLF001 - see the top
    (True, False): cygrpc._handle_stream_unary_rpc,  # noqa: SLF001 - see the top
    (True, True): cygrpc._handle_stream_stream_rpc,  # noqa: SLF001 - see the top
}


class _Call:
    """A call under way: two tasks, of which one waits for the caller to hang up."""

    __slots__ = ("_loop", "begun", "handling", "watching")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.begun = loop.time()
        self.handling: asyncio.Task[Any] | None = None
        self.watching: asyncio.Task[Any] | None = None

    async def handle(self, handling: Coroutine[Any, Any, None]) -> None:
        # Without the loop this would be a system call.
        self.handling = asyncio.current_task(self._loop)
        try:
            await handling
        except grpc.aio.InternalError:
            # It could not be sent, since the caller has hung up; where this is heard first, gRPC
            # would log each of them with its traceback.
            raise asyncio.CancelledError from None

    def end(self) -> None:
        """Drop it: when neither task holds it any more, gRPC resets its stream."""
        for task in self.handling, self.watching:
            if task is not None:
                task.cancel()


class _Acceptor(cygrpc.AioServer):  # type: ignore[misc] # likewise
    """Accepts calls in a loop for each method, and one for all that are none of them."""

    def __init__(self, options: Options, ended: "asyncio.Future[None]") -> None:
        self._ended = ended
        self._event_loop = cygrpc.get_working_loop()
        self._methods: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}
        # Tasks are held by this: the event loop itself holds them weakly. In the order of their
        # beginnings.
        self._calls: dict[_Call, None] = {}
        self._streams: dict[_Call, None] = {}
        super().__init__(self._event_loop, None, (), (), options, None)

    def add_registered_method_handlers(self, handlers: Handlers) -> None:
        self._methods |= handlers
        super().add_registered_method_handlers(handlers)

    def _serving_task_crash_handler(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and (error := task.exception()) and not self._ended.done():
            self._ended.set_exception(error)
        super()._serving_task_crash_handler(task)

    def end_calls_before(self, moment: float) -> None:
        """End the calls that began before this time of the event loop, but for streams."""
        for call in list(self._calls):
            if call.begun >= moment:
                return
            call.end()

    def _make_request_call_future(self, path: bytes | None) -> "asyncio.Task[NoReturn]":
        # The base waits for what is returned, and would then look at the call by itself.
        accept = self._accept_unknown() if path is None else self._accept(path)
        accepting: asyncio.Task[NoReturn] = self._event_loop.create_task(accept)
        return accepting

    async def _accept(self, path: bytes) -> NoReturn:
        name = path.decode()
        method = self._methods[name]
        kept = self._streams if method.response_streaming else self._calls
        handle = _HANDLING[bool(method.request_streaming), bool(method.response_streaming)]
        while True:
            # No name is given to what is accepted: it would hold the last call until the next one.
            self._serve(
                name,
                lambda state: handle(method, state, self._event_loop),
                await self._request_registered_call(path),
                kept,
            )

    async def _accept_unknown(self) -> NoReturn:
        resolver = cygrpc._MethodResolver([], {})  # noqa: SLF001 - see the top
        too_many = False
        while True:
            self._serve(
                _NO_METHOD,
                lambda state: cygrpc._handle_rpc(  # noqa: SLF001 - see the top
                    _NO_METHOD, resolver, (), state, self._event_loop, too_many
                ),
                await self._request_call(),
                self._calls,
            )

    def _serve(self, name: str, handle: Handle, state: object, kept: dict[_Call, None]) -> None:
        call = _Call(self._event_loop)
        call.watching = task = self._event_loop.create_task(
            cygrpc._schedule_rpc_coro(  # noqa: SLF001 - see the top
                call.handle(handle(state)), state, self._event_loop, name
            )
        )
        kept[call] = None
        task.add_done_callback(lambda _: kept.pop(call))


class SteadyServer(grpc.aio.Server):
    """What `grpc.aio.server` returns, for methods that are registered by their names.

    To be made in the event loop that will run it. `longest` is in seconds, as LONGEST_SECONDS.
    """

    def __init__(
        self,
        options: Options,
        wrap: Wrap = lambda _, handler: handler,
        *,
        longest: float = LONGEST_SECONDS,
    ) -> None:
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._acceptor = _Acceptor(options, self._ended)
        self._wrap = wrap
        self._longest = longest
        self._ending: asyncio.Task[NoReturn] | None = None

    @override
    def add_generic_rpc_handlers(
        self, generic_rpc_handlers: Iterable[grpc.GenericRpcHandler]
    ) -> None:
        """Do nothing: generated code registers its methods by name besides."""

    @override
    def add_registered_method_handlers(self, service_name: str, method_handlers: Handlers) -> None:
        """Serve these methods of a service, by their simple names."""
        paths = {f"/{service_name}/{name}": one for name, one in method_handlers.items()}
        wrapped = {path: self._wrap(path, one) for path, one in paths.items()}
        self._acceptor.add_registered_method_handlers(
            {path: one for path, one in wrapped.items() if one is not None}
        )

    @override
    def add_insecure_port(self, address: str) -> int:
        """Take a port without TLS and return its number; raise RuntimeError when it is taken."""
        return _taken(address, self._acceptor.add_insecure_port(address.encode()))

    @override
    def add_secure_port(self, address: str, server_credentials: grpc.ServerCredentials) -> int:
        """Take a port with TLS and return its number; raise RuntimeError when it is taken."""
        port = self._acceptor.add_secure_port(address.encode(), server_credentials)
        return _taken(address, port)

    @override
    async def start(self) -> None:
        """Begin to accept calls."""
        await self._acceptor.start()
        self._ending = asyncio.create_task(self._end_the_longest())

    @override
    async def stop(self, grace: float | None) -> None:
        """Accept no more calls; return when those under way have ended, in `grace` seconds."""
        await self._acceptor.shutdown(grace)
        if self._ending is not None:
            self._ending.cancel()
        if not self._ended.done():
            self._ended.set_result(None)

    @override
    async def wait_for_termination(self, timeout: float | None = None) -> bool:
        """Return False when it has stopped, or True after `timeout` seconds.

        Raises what ended it, where nobody stopped it.
        """
        # Never by awaiting it: who is cancelled meanwhile would cancel it for all.
        done, _ = await asyncio.wait({self._ended}, timeout=timeout)
        for ended in done:
            ended.result()
        return not done

    async def _end_the_longest(self) -> NoReturn:
        clock = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(self._longest / 8)
            self._acceptor.end_calls_before(clock() - self._longest)


def _taken(address: str, port: int) -> int:
    if not port:
        raise RuntimeError(f"cannot listen on {address}")
    return port
