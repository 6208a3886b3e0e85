"""The id of the call that is being served: for its log lines, and for whoever has to pass it on."""

from contextvars import ContextVar
from typing import Final

current_request_id: Final[ContextVar[str]] = ContextVar("current_request_id", default="")
"""Set for the duration of a call, and empty outside of one."""
