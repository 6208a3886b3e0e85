"""The request context: the id under which a call is found in the log, here and at its caller's."""

import re
import secrets
from itertools import count
from typing import Final

from tokenauthority_server.telemetry.request_id import current_request_id
from tokenauthority_server.transport.interceptors.call import Call, Context

REQUEST_ID: Final = "x-request-id"

# Visible ASCII: it stands in log lines and in metadata, and can forge neither.
_ACCEPTABLE: Final = re.compile(r"[!-~]{1,64}")

# New ids have to differ, also from other processes', and not more: nothing rests on them.
_PROCESS: Final = secrets.token_hex(8)
_NUMBERS: Final = count(1)


def begin(context: Context) -> Call:
    """Take the caller's request id, or make one, and echo it in the trailers whatever happens."""
    request_id = _given(context) or f"{_PROCESS}{next(_NUMBERS):08x}"
    # Each call has a task, and so a context, of its own: nothing has to be reset.
    current_request_id.set(request_id)
    context.set_trailing_metadata(((REQUEST_ID, request_id),))
    return Call(request_id, context.time_remaining())


def _given(context: Context) -> str:
    for key, value in context.invocation_metadata() or ():
        if key == REQUEST_ID and isinstance(value, str) and _ACCEPTABLE.fullmatch(value):
            return value
    return ""
