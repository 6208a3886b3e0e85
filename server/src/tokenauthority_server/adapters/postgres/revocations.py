"""SessionRevoker, and RevocationView and Propagation as the database alone gives them."""

from collections.abc import Iterable, Sequence

import asyncpg

from tokenauthority_server.adapters.postgres import statements
from tokenauthority_server.adapters.postgres.database import Database
from tokenauthority_server.adapters.postgres.event_ids import event_id
from tokenauthority_server.domain.revocations import (
    FACT_MARGIN,
    LONGEST_ACCESS_LIFETIME,
    Check,
    CheckSource,
    Death,
    Fact,
    FactKey,
    FactKind,
    RevocationReason,
    death_by,
    targets,
)
from tokenauthority_server.domain.sessions import Origin
from tokenauthority_server.domain.tokens import Claims


class PostgresSessionRevoker:
    """Ends what is alive, each time in one round trip and one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def revoke_token(self, claims: Claims, reason: RevocationReason, origin: Origin) -> int:
        """See SessionRevoker.revoke_token."""
        return await self._done(
            statements.KILL,
            claims.user_id,
            claims.token_id,
            reason.value,
            origin.caller,
            claims.expire_time,
            FACT_MARGIN,
            claims.session_id,
            claims.key_id,
            claims.epoch,
            claims.profile_epoch,
            claims.device_id,
            event_id(),
            origin.request_id,
        )

    async def end_session(
        self,
        session_id: str,
        user_id: str | None,
        reason: RevocationReason,
        origin: Origin,
        *,
        presented_key_id: str = "",
    ) -> int:
        """See SessionRevoker.end_session."""
        common = (
            session_id,
            reason.value,
            origin.caller,
            FACT_MARGIN,
            event_id(),
            origin.request_id,
        )
        if user_id is None:
            return await self._done(statements.END_SESSION_BY_ID, *common)
        return await self._done(statements.END_USERS_SESSION, *common, user_id, presented_key_id)

    async def end_user_sessions(
        self, user_id: str, except_session_id: str, reason: RevocationReason, origin: Origin
    ) -> int:
        """See SessionRevoker.end_user_sessions."""
        return await self._done(
            statements.END_USER_SESSIONS,
            user_id,
            except_session_id,
            reason.value,
            LONGEST_ACCESS_LIFETIME + FACT_MARGIN,
            origin.caller,
            event_id(),
            origin.request_id,
        )

    async def _done(self, statement: str, *arguments: object) -> int:
        rows = await self._database.change(statement, *arguments)
        return int(rows[0]["done"])


class DatabaseView:
    """Asks the database for every check: always right, at the price of a round trip."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def check_now(self, claims: Claims) -> None:
        """Return None: every check is a question."""
        del claims

    async def check(self, claims: Sequence[Claims]) -> Check:
        """See RevocationView.check."""
        rows = await self._database.ask(statements.FACTS, *question(claims))
        facts = {(one.user_id, one.kind, one.target): one for one in map(fact_of, rows)}
        return Check(CheckSource.DATABASE, tuple(_death(facts, token) for token in claims))


def question(claims: Iterable[Claims]) -> tuple[list[str], list[str], list[str]]:
    """Return the arguments of FACTS: the keys of all that could kill any of these tokens."""
    return columns({one for token in claims for one in targets(token)})


def columns(keys: Iterable[FactKey]) -> tuple[list[str], list[str], list[str]]:
    """Return the keys as three lists, one for each of their parts."""
    wanted = list(keys)
    return (
        [user_id for user_id, _, _ in wanted],
        [kind.value for _, kind, _ in wanted],
        [target for _, _, target in wanted],
    )


def fact_of(row: asyncpg.Record) -> Fact:
    """Return the fact that a row of FACTS holds."""
    return Fact(
        kind=FactKind(row["kind"]),
        user_id=row["user_id"],
        target=row["target"],
        reason=RevocationReason(row["reason"]),
        epoch=row["epoch"],
        except_session_id=row["except_session_id"],
    )


def _death(facts: dict[tuple[str, FactKind, str], Fact], claims: Claims) -> Death | None:
    for target in targets(claims):
        fact = facts.get(target)
        death = death_by(fact, claims) if fact else None
        if death:
            return death
    return None
