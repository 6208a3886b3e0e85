"""How long things last under the protocol; all of it in seconds."""

import re
from dataclasses import dataclass
from typing import Final

DRIFT: Final = 0.95
"""The part of a lease that its verifier uses. So two clocks may each be wrong by 2 % of the time,
one slow and the other quick, and the revoker's whole lease is still the longer one."""


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of one verifier, or of one revoker: others may have been given another lease."""

    lease: float

    @property
    def usable(self) -> float:
        """How long a verifier may answer, from before it asked for that."""
        return self.lease * DRIFT

    @property
    def heartbeat(self) -> float:
        """How often a verifier renews its lease."""
        return self.lease / 3

    @property
    def longest_wait(self) -> float:
        """How long a revoker waits at the most: for a verifier that died as it began, and some."""
        return self.lease + 2 * self.heartbeat


_ROW: Final = re.compile(r"[^:]+:([0-9]{1,7})")


def row_name(unique: str, terms: Terms) -> str:
    """Return the name of a row, which also tells revokers how long its leases are."""
    return f"{unique}:{terms.lease * 1000:.0f}"


def lease_of(row: str, own: Terms) -> float:
    """Return how long to wait for a row of this name: never less than for one of one's own.

    So a rolling change of the setting is safe, in which some wait for others with longer leases.
    """
    named = _ROW.fullmatch(row)
    return max(own.lease, int(named[1]) / 1000) if named else own.lease
