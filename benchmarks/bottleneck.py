"""What held a window back: the server, its store, or the drivers (see the package's docstring)."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

ALWAYS = 0.85
"""From this share of the window on, a thread counts as having had work all the time."""
A_CORE = 0.75
"""Less than this is clearly less than a core's worth."""


class Bottleneck(StrEnum):
    SERVER = "server"
    STORE = "store"
    DRIVER = "driver"


@dataclass(frozen=True, slots=True)
class Use:
    """What a process used in a window, each as a share of one processor.

    `cores` is what all its threads got. `busy` is how long its busiest thread had work, on a
    processor or in the queue for one.
    """

    cores: float
    busy: float


def bottleneck(server: Use, store: Use, drivers: Sequence[Use]) -> Bottleneck:
    driving = sum(one.cores for one in drivers)
    serving = server.cores + store.cores
    if serving < A_CORE and driving > serving:
        return Bottleneck.DRIVER
    if server.busy >= ALWAYS:
        return Bottleneck.SERVER
    if drivers and all(one.busy >= ALWAYS for one in drivers):
        return Bottleneck.DRIVER
    return Bottleneck.STORE
