"""The four kinds of gRPC methods as one `Answer`, and back.

Requests are read and decoded, and single answers encoded, inside of it and so of all that is around
it: left to gRPC, a failure of either would tell the caller the text of an exception. And a request
is read only once its caller is admitted: until then gRPC takes no more of it than a first window.
"""

import inspect
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import aclosing
from typing import Any, TypeAlias

import grpc
from google.protobuf.message import DecodeError

from tokenauthority_server.transport.errors import MalformedRequestError
from tokenauthority_server.transport.interceptors.call import Context
from tokenauthority_server.transport.interceptors.reading import Reading

# Generic for type checkers only.
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Answer: TypeAlias = Callable[[Any, Context], Coroutine[Any, Any, Any]]
Decode: TypeAlias = Callable[[bytes], Any]


def answering(handler: Handler, reading: Reading) -> Answer:
    """Return what reads the request and does what the handler does.

    Its requests are bytes, and so are its single answers; None where it writes to the context.
    """
    if handler.response_streaming:
        return _streaming(handler, reading)
    act, encode, decode = _act(handler), handler.response_serializer or _as_is, _decoder(handler)
    if handler.request_streaming:

        async def answer_many(requests: Any, context: Context) -> Any:
            return encode(await act(_each(requests, decode), context))

        return answer_many

    async def answer(_requests: Any, context: Context) -> Any:
        return encode(await act(decode(await reading.the_only(context)), context))

    return answer


def to_handler(answer: Answer, like: Handler) -> Handler:
    """Return a handler that answers so, to those who call the method as `like` says."""
    # To gRPC all requests are streams: what is none it would read before any of our code is asked,
    # and a call whose request breaks off it would never answer.
    if like.response_streaming:
        # gRPC encodes what is written to the context; single answers are encoded already.
        return grpc.stream_stream_rpc_method_handler(answer, None, like.response_serializer)
    return grpc.stream_unary_rpc_method_handler(answer)


def _streaming(handler: Handler, reading: Reading) -> Answer:
    act, decode = _act(handler), _decoder(handler)

    async def taken(requests: AsyncIterator[bytes], context: Context) -> Any:
        if handler.request_streaming:
            return _each(requests, decode)
        return decode(await reading.the_only(context))

    if not inspect.isasyncgenfunction(act):

        async def write_itself(requests: Any, context: Context) -> None:
            await act(await taken(requests, context), context)

        return write_itself

    async def write(requests: Any, context: Context) -> None:
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


def _decoder(handler: Handler) -> Decode:
    """Return what decodes a request; it raises MalformedRequestError for bytes that are none."""
    decode = handler.request_deserializer or _as_is

    def decoded(request: bytes) -> Any:
        try:
            return decode(request)
        except (DecodeError, ValueError) as error:
            raise MalformedRequestError from error

    return decoded


async def _each(requests: AsyncIterator[bytes], decode: Decode) -> AsyncIterator[Any]:
    async for request in requests:
        yield decode(request)


def _as_is(value: Any) -> Any:
    return value
