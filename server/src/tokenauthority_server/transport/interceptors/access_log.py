"""One line in the log for each call: what was called, by whom, how it ended and how long it took.

Never a part of a request or of an answer. Calls of health and reflection are lines of level debug.
"""

from logging import DEBUG, INFO
from time import perf_counter
from typing import Any
from urllib.parse import unquote

from tokenauthority_server.telemetry.call_log import call_log
from tokenauthority_server.transport.interceptors.call import Behavior, Call, Context
from tokenauthority_server.transport.policy import Method


def access_log(behavior: Behavior, method: Method) -> Behavior:
    """Log each call when it has ended, however that was."""
    write = call_log(method.path, DEBUG if method.is_infrastructure else INFO)
    if write is None:
        return behavior

    async def logged(request: Any, context: Context, call: Call) -> Any:
        try:
            return await behavior(request, context, call)
        finally:
            if call.logged:
                write(
                    code=call.code.name,
                    reason=call.reason,
                    caller=call.caller,
                    seconds=round(perf_counter() - call.started, 6),
                    peer=address_of(context.peer()),
                )

    return logged


def address_of(peer: str) -> str:
    """Return the address of gRPC's name for a peer, without the port, which tells nothing.

    "ipv4:192.0.2.1:55" gives "192.0.2.1", "ipv6:[2001:db8::1]:55" gives "2001:db8::1".
    """
    kind, _, rest = peer.partition(":")
    if kind == "ipv4":
        return rest.rpartition(":")[0]
    if kind == "ipv6":
        return unquote(rest).rpartition(":")[0].strip("[]")
    return kind
