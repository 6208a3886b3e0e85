"""The view that validation asks: from memory under a lease, from the database without one."""

from collections.abc import Mapping, Sequence
from typing import Final

from tokenauthority_server.domain.ports import RevocationView
from tokenauthority_server.domain.revocation_ports import Ticks
from tokenauthority_server.domain.revocations import Check, CheckSource
from tokenauthority_server.domain.tokens import Claims
from tokenauthority_server.revocation.verifier import Verifier

_ALIVE: Final = Check(CheckSource.LEASED_VIEW, (None,))


class LeasedView:
    """The port RevocationView. The clock is read for each answer: a lease runs out by itself."""

    def __init__(self, verifier: Verifier, database: RevocationView, ticks: Ticks) -> None:
        self._verifier = verifier
        self._database = database
        self._ticks = ticks
        self._alive = 0
        self._dead = 0
        self._asked = 0

    def check_now(self, claims: Claims) -> Check | None:
        """See RevocationView.check_now: None without a lease."""
        verifier = self._verifier
        if self._ticks.now() >= verifier.until:
            return None
        death = verifier.view.death(claims)
        if death is None:
            self._alive += 1
            return _ALIVE
        self._dead += 1
        return Check(CheckSource.LEASED_VIEW, (death,))

    async def check(self, claims: Sequence[Claims]) -> Check:
        """See RevocationView.check."""
        verifier = self._verifier
        if self._ticks.now() >= verifier.until:
            self._asked += len(claims)
            return await self._database.check(claims)
        deaths = tuple(map(verifier.view.death, claims))
        alive = deaths.count(None)
        self._alive += alive
        self._dead += len(deaths) - alive
        return Check(CheckSource.LEASED_VIEW, deaths)

    def counts(self) -> Mapping[str, int]:
        """Return how many tokens the view said were alive, and dead, and how many the database."""
        return {"alive": self._alive, "dead": self._dead, "database": self._asked}
