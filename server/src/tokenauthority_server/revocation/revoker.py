"""The one way in which a revocation becomes final: published, and waited for."""

from collections.abc import Callable, Sequence

import structlog

from tokenauthority_server.domain.errors import StoreUnavailableError
from tokenauthority_server.domain.revocation_ports import (
    FactStore,
    RevocationLog,
    Standing,
    Ticks,
)
from tokenauthority_server.domain.revocations import About, LiveFact
from tokenauthority_server.revocation.healing import Healing
from tokenauthority_server.revocation.rows import RowWatch
from tokenauthority_server.revocation.unlogged import Unlogged
from tokenauthority_server.revocation.verifier import Verifier

_log: structlog.typing.FilteringBoundLogger = structlog.get_logger()

Observe = Callable[[bool, float], None]
"""Told of each `settle`: whether it is effective everywhere, and the seconds that took."""


class Revoker:
    """The port Propagation. `observe` is told of each `settle`."""

    def __init__(  # noqa: PLR0913 - all by name
        self,
        *,
        log: RevocationLog,
        facts: FactStore,
        rows: RowWatch,
        verifier: Verifier,
        healing: Healing,
        unlogged: Unlogged,
        ticks: Ticks,
    ) -> None:
        self.observe: Observe = lambda _effective, _seconds: None
        self._log = log
        self._facts = facts
        self._rows = rows
        self._verifier = verifier
        self._healing = healing
        self._unlogged = unlogged
        self._ticks = ticks

    async def settle(self, about: About) -> bool:
        """See Propagation.settle."""
        began = self._ticks.now()
        effective = await self._settled(about)
        self.observe(effective, self._ticks.now() - began)
        return effective

    async def publish(self, about: About) -> bool:
        """See Propagation.publish."""
        try:
            await self._published(about)
        except Exception as error:  # noqa: BLE001 - see _not_known
            return _not_known(error)
        return True

    async def publish_new(self) -> None:
        """See Propagation.publish_new."""
        await self._healing.look()

    async def _settled(self, about: About) -> bool:
        try:
            standing = await self._published(about)
            return standing is None or await self._rows.passed(standing)
        except Exception as error:  # noqa: BLE001 - see _not_known
            return _not_known(error)

    async def _published(self, about: About) -> Standing | None:
        """Append what is known about it; None where that is nothing, as it never lived."""
        try:
            facts = await self._facts.about(about) if about != About() else ()
            if about != About() and not facts:
                return None
            return await self._append(facts)
        except BaseException:
            # It is committed all the same: the next look into the database finds it.
            self._healing.hint()
            raise

    async def _append(self, facts: Sequence[LiveFact]) -> Standing:
        news = self._verifier.learn(facts)
        self._unlogged.add(facts)
        try:
            standing = await self._log.append(facts)
        except BaseException:
            self._verifier.pass_on(news)
            raise
        self._unlogged.seen(facts)
        return standing


def _not_known(error: Exception) -> bool:
    """Return False, whatever it was: the revocation itself is committed, and has not failed."""
    if not isinstance(error, StoreUnavailableError):
        _log.error("making a revocation known fails", exc_info=error)
    return False
