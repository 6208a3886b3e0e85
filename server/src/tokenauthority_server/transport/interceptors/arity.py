"""The four kinds of gRPC methods as one `Behavior`, and back.

Requests are decoded, and single answers encoded, inside of the behavior and so of every layer
around it: left to gRPC, a failure of either would tell the caller the text of an exception.
"""

import inspect
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any, TypeAlias

import grpc
from google.protobuf.message import DecodeError

from tokenauthority_server.transport.errors import MalformedRequestError
from tokenauthority_server.transport.interceptors.call import Behavior, Call, Context

# Generic for type checkers only.
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"


def to_behavior(handler: Handler) -> Behavior:
    """Return what the handler does; its requests are bytes, and so are its single answers."""
    if handler.response_streaming:
        return _streaming(handler)
    act, take, encode = _act(handler), _taker(handler), handler.response_serializer or _as_is

    async def answer(request: Any, context: Context, _call: Call) -> Any:
        return encode(await act(take(request), context))

    return answer


def to_handler(behavior: Behavior, like: Handler) -> Handler:
    """Return a handler of the same kind as `like` that does what the behavior does."""

    async def handle(request: Any, context: Context) -> Any:
        return await behavior(request, context, Call())

    # gRPC encodes what is written to the context; single answers are encoded already.
    if like.response_streaming:
        make = grpc.unary_stream_rpc_method_handler
        if like.request_streaming:
            make = grpc.stream_stream_rpc_method_handler
        return make(handle, None, like.response_serializer)
    if like.request_streaming:
        return grpc.stream_unary_rpc_method_handler(handle)
    return grpc.unary_unary_rpc_method_handler(handle)


def _streaming(handler: Handler) -> Behavior:
    act, take = _act(handler), _taker(handler)
    if not inspect.isasyncgenfunction(act):

        async def write_itself(request: Any, context: Context, _call: Call) -> None:
            await act(take(request), context)

        return write_itself

    async def write(request: Any, context: Context, _call: Call) -> None:
        async with aclosing(act(take(request), context)) as answers:
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


def _taker(handler: Handler) -> Callable[[Any], Any]:
    """Return what makes the method's argument of what gRPC hands over: bytes, or a stream of them.

    It raises MalformedRequestError for bytes that do not decode.
    """
    decode = handler.request_deserializer or _as_is

    def take_one(request: bytes) -> Any:
        try:
            return decode(request)
        except (DecodeError, ValueError) as error:
            raise MalformedRequestError from error

    async def take_each(requests: AsyncIterator[bytes]) -> AsyncIterator[Any]:
        async for request in requests:
            yield take_one(request)

    return take_each if handler.request_streaming else take_one


def _as_is(value: Any) -> Any:
    return value
