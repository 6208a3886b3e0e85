"""A worker without one of its guards: `python without.py GUARD`, with the settings of `serve`.

What a test then sees is what the guard is there for.
"""

import math
import sys
from collections.abc import Mapping
from typing import Any, Final

from tokenauthority_server.__main__ import cli
from tokenauthority_server.domain.revocation_ports import Standing
from tokenauthority_server.revocation.healing import Healing
from tokenauthority_server.revocation.rows import RowWatch
from tokenauthority_server.revocation.verifier import Verifier
from tokenauthority_server.revocation.watching import Watching

hold = Verifier._hold


async def passed_at_once(_self: RowWatch, _standing: Standing) -> bool:
    """Acknowledge as soon as it is in the log."""
    return True


def held_for_good(self: Verifier, _sent: float) -> None:
    """Answer from the view for ever, once a lease was held."""
    hold(self, math.inf)


def trusted_at_once(_self: RowWatch) -> float:
    """Trust the rows of a data set as soon as it is known."""
    return -math.inf


async def nothing_found(_self: Healing) -> None:
    """Never look into the database for what the log has not brought."""


async def nobody_struck(_self: RowWatch, _now: float) -> None:
    """Wait for the dead, too."""


def nobody_behind(_self: Watching[Any]) -> None:
    """Report what strict clients may not have applied yet."""


GUARDS: Final[Mapping[str, tuple[type, str, Any]]] = {
    "waiting for the rows": (RowWatch, "passed", passed_at_once),
    "waiting for strict clients": (Watching, "floor", nobody_behind),
    "the clock": (Verifier, "_hold", held_for_good),
    "striking the dead": (RowWatch, "_strike", nobody_struck),
    "waiting for a new identity": (RowWatch, "_trusted_from", trusted_at_once),
    "healing": (Healing, "_look", nothing_found),
}

if __name__ == "__main__":
    owner, name, instead = GUARDS[sys.argv[1]]
    getattr(owner, name)  # so that one which was renamed is noticed
    setattr(owner, name, instead)
    cli(["serve"])
