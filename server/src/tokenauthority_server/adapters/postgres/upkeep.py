"""Upkeep over PostgreSQL."""

from datetime import timedelta

from tokenauthority_server.adapters.postgres import upkeep_statements as statements
from tokenauthority_server.adapters.postgres.database import Database
from tokenauthority_server.adapters.postgres.sessions import REQUEST_WINDOW
from tokenauthority_server.domain.revocations import FACT_MARGIN
from tokenauthority_server.domain.upkeep import FORMER_PROFILE_LIFETIME, Leftover

# Sessions that are postponed are few. Should they ever be many, a batch must not take forever.
_ROUNDS = 100


class PostgresUpkeep:
    """Each batch is one statement, which is a transaction: what was interrupted is begun again."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def sweep(self, what: Leftover, batch: int, keep: timedelta) -> int:
        """See Upkeep.sweep."""
        match what:
            case Leftover.SESSIONS:
                return await self._sweep_sessions(batch)
            case Leftover.FACTS | Leftover.LOGIN_FAILURES | Leftover.LOGIN_SOURCES:
                arguments: tuple[object, ...] = (batch,)
            case Leftover.SIGNING_KEYS:
                arguments = (batch, FACT_MARGIN)
            case Leftover.FORMER_PROFILES:
                arguments = (batch, FORMER_PROFILE_LIFETIME)
            case Leftover.TOKEN_METRICS | Leftover.AUDIT_EVENTS:  # pragma: no branch - all of them
                arguments = (batch, keep)
        rows = await self._database.keep_up(statements.SWEEPS[what], *arguments)
        return int(rows[0]["removed"])

    async def turn_months(self, ahead: int, keep: timedelta) -> int:
        """See Upkeep.turn_months."""
        turned = await self._done(statements.ADD_MONTHS, ahead)
        while await self._done(statements.DROP_MONTH, keep):
            turned += 1
        return turned

    async def _sweep_sessions(self, batch: int) -> int:
        # A candidate that still matters is postponed, so each round has others.
        removed = 0
        for _ in range(_ROUNDS):
            wanted = batch - removed
            rows = await self._database.keep_up(
                statements.SWEEP_SESSIONS, wanted, FACT_MARGIN, REQUEST_WINDOW
            )
            removed += rows[0]["removed"]
            if removed == batch or rows[0]["found"] < wanted:
                break
        return removed

    async def _done(self, statement: str, *arguments: object) -> int:
        rows = await self._database.keep_up(statement, *arguments)
        return int(rows[0]["done"])
