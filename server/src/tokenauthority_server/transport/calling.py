"""Who makes the call that is being served, as the layers around its method have found out."""

from contextvars import ContextVar
from typing import Final

from tokenauthority_server.domain.callers import Caller
from tokenauthority_server.domain.sessions import Origin
from tokenauthority_server.telemetry.request_id import current_request_id

current_caller: Final[ContextVar[Caller]] = ContextVar("current_caller")
"""Set for the duration of a call. It has no default: code that nobody was admitted to fails."""


def caller() -> Caller:
    """Return who calls."""
    return current_caller.get()


def origin() -> Origin:
    """Return who asks, for the audit trail."""
    return Origin(caller=current_caller.get().name, request_id=current_request_id.get())
