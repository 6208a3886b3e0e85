"""One line in the log for each call: what was called, by whom, how it ended and how long it took.

Never a part of a request or of an answer. Calls of health and reflection are lines of level debug.
"""

from collections.abc import Callable
from functools import lru_cache
from logging import DEBUG, INFO
from typing import Final
from urllib.parse import unquote

from tokenauthority_server.telemetry.call_log import call_log
from tokenauthority_server.transport.interceptors.call import Call, Context
from tokenauthority_server.transport.policy import Method

_PEERS: Final = 1_024
"""Connections whose peers are remembered, so that hardly any name is taken apart."""


def access_log(method: Method) -> Callable[[Context, Call], None] | None:
    """Return what logs a call of the method that has ended; None where that is not wanted."""
    write = call_log(method.path, DEBUG if method.is_infrastructure else INFO)
    if write is None:
        return None

    def log(context: Context, call: Call) -> None:
        peer = address_of(context.peer())
        write(call.code.name, call.reason, call.caller, round(call.seconds, 6), peer)

    return log


@lru_cache(maxsize=_PEERS)
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
