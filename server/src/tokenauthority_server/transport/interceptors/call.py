"""What the layers around a method are made of."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import grpc

from tokenauthority_server.transport.policy import Method

Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(slots=True)
class Call:
    """One call, as the layers tell each other of it.

    `started` is of the monotonic clock. `caller_deadline` is the seconds that the caller gives, or
    None. `code` and `reason` are how it ended: they are only right once the errors layer is left.
    """

    started: float = field(default_factory=perf_counter)
    request_id: str = ""
    caller_deadline: float | None = None
    code: grpc.StatusCode = grpc.StatusCode.UNKNOWN
    reason: str = ""


Behavior = Callable[[Any, Context, Call], Awaitable[Any]]
"""A method of any arity: what it returns is sent, None where it has written to the context."""

Layer = Callable[[Behavior, Method], Behavior]
"""Wraps a method's behavior: once, when the method is first called, not for each call."""
