"""Turns whatever a method raises into the status that its caller may see, and notes how it ended.

This is a security control: gRPC sends the text of any exception that reaches it to the caller.
"""

import asyncio
from typing import Final

import grpc
import structlog

from tokenauthority_server.transport.errors import INTERNAL, STATUS_TRAILER, refusal_of, status_of
from tokenauthority_server.transport.interceptors.call import Call, Context
from tokenauthority_server.transport.interceptors.context import REQUEST_ID
from tokenauthority_server.transport.policy import Method

# gRFC A6: what a caller's gRPC tells of a call that it makes again, and how it is told to stop.
_ATTEMPTS_BEFORE: Final = "grpc-previous-rpc-attempts"
_NO_MORE: Final = ("grpc-retry-pushback-ms", "-1")

_CLOSE_SECONDS: Final = 0.02
_CLOSE_SHARE: Final = 0.02


async def explain(error: BaseException, context: Context, call: Call, method: Method) -> None:
    """End a failed call by the table of transport.errors, and note its `code` and `reason`.

    Returns where the error itself is to be raised again; else it raises what gRPC is to see.
    """
    match error:
        case grpc.aio.AbortError():
            # The method has sent a status by itself, as health does for a name it does not know.
            call.code = context.code()
        case grpc.aio.InternalError():
            # A message of a stream could not be sent: its caller has hung up.
            call.code = _why_cancelled(context, call)
        case asyncio.CancelledError():
            if not _is_cancelled():
                # Strayed in from a task that the method waited for. gRPC would answer nothing.
                await _refuse(error, context, call, method)
            call.code = _why_cancelled(context, call)
        case Exception():
            # Whatever it is, its text must not get out.
            await _refuse(error, context, call, method)


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _refuse(error: BaseException, context: Context, call: Call, method: Method) -> None:
    refusal = refusal_of(error)
    if refusal is INTERNAL:
        logger: structlog.typing.FilteringBoundLogger = structlog.get_logger()
        logger.error("unexpected fault", method=method.path, exc_info=error)
    call.code, call.reason = refusal.code, refusal.reason_name
    status = status_of(
        error, refusal, request_id=call.request_id, request_fields=method.request_fields
    )
    await context.abort(
        refusal.code,
        status.message,
        (
            (REQUEST_ID, call.request_id),
            (STATUS_TRAILER, status.SerializeToString()),
            *_pushback(refusal.code, context),
        ),
    )


def _pushback(code: grpc.StatusCode, context: Context) -> tuple[tuple[str, str], ...]:
    """Let gRPC ask once more by itself, since another replica may reach what this one does not.

    When that one does not either, the caller had better be told, and wait as RetryInfo says.
    """
    attempts_before = dict(context.invocation_metadata() or ()).get(_ATTEMPTS_BEFORE)
    return (_NO_MORE,) if code is grpc.StatusCode.UNAVAILABLE and attempts_before else ()


def _why_cancelled(context: Context, call: Call) -> grpc.StatusCode:
    """Tell a caller that hung up from one whose time was over; gRPC cancels alike for both.

    A caller whose deadline passes hangs up too, and this is heard just before the deadline passes
    here: close to it counts as it.
    """
    if call.caller_deadline is None:
        return grpc.StatusCode.CANCELLED
    close = max(_CLOSE_SECONDS, call.caller_deadline * _CLOSE_SHARE)
    if context.time_remaining() <= close:
        return grpc.StatusCode.DEADLINE_EXCEEDED
    return grpc.StatusCode.CANCELLED
