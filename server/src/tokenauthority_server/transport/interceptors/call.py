"""One call, as what is around its method tells of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import grpc

from tokenauthority_server.domain.callers import Admission

Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(slots=True)
class Call:
    """One call.

    `started` is of the monotonic clock, and `seconds` how long it took in the end. `admission` is
    set when it is known who calls, and `logged` is false where one line more would help nobody.
    `caller_deadline` is the seconds that the caller gives, or None. `code` and `reason` are how it
    ended.
    """

    request_id: str
    caller_deadline: float | None
    started: float = field(default_factory=perf_counter)
    admission: Admission | None = None
    logged: bool = True
    code: grpc.StatusCode = grpc.StatusCode.UNKNOWN
    reason: str = ""
    seconds: float = 0.0

    def end(self) -> None:
        """Note how long it took."""
        self.seconds = perf_counter() - self.started

    @property
    def caller(self) -> str:
        """The name of who calls; "" as long as nobody is known to."""
        return self.admission.caller.name if self.admission else ""


Check = Callable[[Context, Call], None]
"""Returns where the call may go on, and raises where it may not."""
