"""Anti-entropy: what was committed is known everywhere soon, though nobody noticed that it was not.

Every few seconds a verifier asks the database for what was committed since it asked last. What it
lacked, it appends to the log: whoever should have done so has died, or could not reach it.
"""

import asyncio
from typing import Final

import structlog

from tokenauthority_server.domain.errors import StoreUnavailableError
from tokenauthority_server.domain.revocation_ports import FactStore, RevocationLog, Ticks
from tokenauthority_server.revocation.pausing import news_or_time
from tokenauthority_server.revocation.unlogged import Unlogged
from tokenauthority_server.revocation.verifier import Verifier

HEALING_SECONDS: Final = 2.0
"""How long a fact that is not in the log stays unknown to a verifier that reaches the database."""

HINT_SECONDS: Final = 0.05
"""How soon after a hint it is looked; hints that come meanwhile are one."""

APPENDED_AT_ONCE: Final = 500

_log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class Healing:
    """Looks into the database again and again."""

    def __init__(
        self,
        *,
        log: RevocationLog,
        facts: FactStore,
        verifier: Verifier,
        unlogged: Unlogged,
        ticks: Ticks,
    ) -> None:
        self.found = 0
        """Facts that the log had not brought."""
        self._log = log
        self._facts = facts
        self._verifier = verifier
        self._unlogged = unlogged
        self._ticks = ticks
        self._hinted = asyncio.Event()

    def hint(self) -> None:
        """Let the next look be soon."""
        self._hinted.set()

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await news_or_time(self._hinted, self._ticks, HEALING_SECONDS)
            await self._ticks.sleep(HINT_SECONDS)
            await self.look()

    async def look(self) -> None:
        """Drop what matters no more, take in what is new, and append what the log lacks."""
        try:
            await self._drop()
            await self._look()
            await self._append()
        except StoreUnavailableError:
            pass
        except Exception as error:  # noqa: BLE001 - it is tried again, whatever it is
            _log.error("looking for revocations fails", exc_info=error)

    async def _drop(self) -> None:
        more = True
        while more:
            more = self._verifier.view.drop()
            await asyncio.sleep(0)

    async def _look(self) -> None:
        if self._verifier.mark is None:  # nothing is loaded yet
            return
        lacked = await self._verifier.catch_up()
        self.found += len(lacked)
        self._unlogged.add(lacked)

    async def _append(self) -> None:
        while waiting := self._unlogged.first(APPENDED_AT_ONCE):
            await self._log.append(waiting)
            self._unlogged.seen(waiting)
