"""The four kinds of gRPC methods as one `Behavior`, and back.

Requests are read and decoded, and single answers encoded, inside of the behavior and so of every
layer around it: left to gRPC, a failure of either would tell the caller the text of an exception.
And a request is read only once the layers have admitted its caller: until then gRPC takes no more
of it than a first window.
"""

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, TypeAlias

import grpc
from google.protobuf.message import DecodeError

from tokenauthority_server.transport.errors import MalformedRequestError
from tokenauthority_server.transport.interceptors.call import Behavior, Call, Context
from tokenauthority_server.transport.interceptors.reading import Reading

# Generic for type checkers only.
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"


def to_behavior(handler: Handler, reading: Reading) -> Behavior:
    """Return what the handler does; its requests are bytes, and so are its single answers."""
    if handler.response_streaming:
        return _streaming(handler, reading)
    act, encode = _act(handler), handler.response_serializer or _as_is
    taken = _taker(handler, reading)

    async def answer(requests: Any, context: Context, _call: Call) -> Any:
        return encode(await act(await taken(requests, context), context))

    return answer


def to_handler(behavior: Behavior, like: Handler) -> Handler:
    """Return a handler that does what the behavior does, and answers as `like` does."""

    async def handle(request: Any, context: Context) -> Any:
        return await behavior(request, context, Call())

    # To gRPC all requests are streams: what is none it would read before any of our code is asked,
    # and a call whose request breaks off it would never answer.
    if like.response_streaming:
        # gRPC encodes what is written to the context; single answers are encoded already.
        return grpc.stream_stream_rpc_method_handler(handle, None, like.response_serializer)
    return grpc.stream_unary_rpc_method_handler(handle)


def _streaming(handler: Handler, reading: Reading) -> Behavior:
    act, taken = _act(handler), _taker(handler, reading)
    if not inspect.isasyncgenfunction(act):

        async def write_itself(requests: Any, context: Context, _call: Call) -> None:
            await act(await taken(requests, context), context)

        return write_itself

    async def write(requests: Any, context: Context, _call: Call) -> None:
        async with aclosing(act(await taken(requests, context), context)) as answers:
            async for message in answers:
                await context.write(message)

    return write


def _act(handler: Handler) -> Callable[[Any, Context], Any]:
    act: Any
    if handler.response_streaming:
        act = handler.stream_stream if handler.request_streaming else handler.unary_stream
    else:
        act = handler.stream_unary if handler.request_streaming else handler.unary_unary
    method: Callable[[Any, Context], Any] = act
    return method


def _taker(handler: Handler, reading: Reading) -> Callable[[Any, Context], Awaitable[Any]]:
    """Return what makes the method's argument of the stream of bytes that gRPC hands over.

    It raises MalformedRequestError for bytes that do not decode, and what `reading` does.
    """
    decode = handler.request_deserializer or _as_is

    def decoded(request: bytes) -> Any:
        try:
            return decode(request)
        except (DecodeError, ValueError) as error:
            raise MalformedRequestError from error

    async def the_only(_requests: Any, context: Context) -> Any:
        return decoded(await reading.the_only(context))

    async def each(requests: AsyncIterator[bytes]) -> AsyncIterator[Any]:
        async for request in requests:
            yield decoded(request)

    async def all_of_them(requests: Any, _context: Context) -> Any:
        return each(requests)

    return all_of_them if handler.request_streaming else the_only


def _as_is(value: Any) -> Any:
    return value
