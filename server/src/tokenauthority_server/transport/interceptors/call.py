"""What the layers around a method are made of."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import grpc

from tokenauthority_server.domain.callers import Admission
from tokenauthority_server.transport.policy import Method

Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(slots=True)
class Call:
    """One call, as the layers tell each other of it.

    `started` is of the monotonic clock. `admission` is set when it is known who calls, and `logged`
    is false where one line more would help nobody. `caller_deadline` is the seconds that the caller
    gives, or None. `code` and `reason` are how it ended: they are only right once the errors layer
    is left.
    """

    started: float = field(default_factory=perf_counter)
    request_id: str = ""
    admission: Admission | None = None
    logged: bool = True
    caller_deadline: float | None = None
    code: grpc.StatusCode = grpc.StatusCode.UNKNOWN
    reason: str = ""

    @property
    def caller(self) -> str:
        """The name of who calls; "" as long as nobody is known to."""
        return self.admission.caller.name if self.admission else ""


Behavior = Callable[[Any, Context, Call], Awaitable[Any]]
"""A method of any arity: what it returns is sent, None where it has written to the context."""

Layer = Callable[[Behavior, Method], Behavior]
"""Wraps a method's behavior: once, when the method is first called, not for each call."""
