"""FactStore over PostgreSQL.

Which facts are new is told by the transactions that wrote them, not by times nor by an order: a
transaction that began before a moment may commit after it, and is seen then.
"""

from collections.abc import Sequence
from typing import Final

import asyncpg

from tokenauthority_server.adapters.postgres.database import Database
from tokenauthority_server.adapters.postgres.revocations import columns, fact_of
from tokenauthority_server.domain.revocation_ports import Facts, Mark
from tokenauthority_server.domain.revocations import About, FactKey, LiveFact

_FACT: Final = """r.user_id, r.kind, r.target, r.reason, r.epoch, r.except_session_id, r.expires_at,
        r.expires_at - now() AS remaining"""

# One by one, by the key: however many are asked for, the table must not be read.
ABOUT: Final = f"""
WITH asked AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[]) AS a(user_id, kind, target)
    UNION
    SELECT f.* FROM tokenauthority.sessions AS s CROSS JOIN LATERAL (VALUES
        (s.user_id, 'session', s.session_id), (s.user_id, 'user', ''), (s.user_id, 'profile', ''),
        ('', 'key', s.key_id)) AS f(user_id, kind, target)
    WHERE s.session_id = ANY ($4::text[])
)
SELECT found.* FROM asked CROSS JOIN LATERAL (
    SELECT {_FACT}
    FROM tokenauthority.revocations AS r
    WHERE r.user_id = asked.user_id AND r.kind = asked.kind AND r.target = asked.target
        AND r.expires_at > now()
    LIMIT 1
) AS found
"""  # noqa: S608 - our own text

# A server that was started again, or has recovered from a crash of one of its processes, may give
# the number of a transaction that came to nothing to another one. The latter begins its statistics
# anew, and starts nothing else that can be seen.
_MOMENT: Final = """
WITH moment AS MATERIALIZED (
    SELECT concat_ws(' ', extract(epoch FROM pg_postmaster_start_time()),
            (SELECT extract(epoch FROM stats_reset) FROM pg_stat_archiver)) AS server,
        pg_current_snapshot()::text AS snapshot
)"""

PAGE: Final = f"""{_MOMENT}
SELECT * FROM moment LEFT JOIN LATERAL (
    SELECT {_FACT}
    FROM tokenauthority.revocations AS r
    WHERE (r.user_id, r.kind, r.target) > ($2, $3, $4) AND r.expires_at > now()
    ORDER BY r.user_id, r.kind, r.target
    LIMIT $1
) AS page ON true
ORDER BY user_id, kind, target
"""  # noqa: S608 - our own text

# What the snapshot of the mark did not see: transactions that had not begun, and those under way.
# The bounds are for the index: where one transaction has written much of the table, a planner that
# is asked for those under way by their numbers reads all of it. The upper one also leaves out what
# a restored backup tells of another server's transactions.
SINCE: Final = f"""{_MOMENT}
SELECT * FROM moment LEFT JOIN LATERAL (
    SELECT {_FACT}
    FROM tokenauthority.revocations AS r
    WHERE r.changed_by >= pg_snapshot_xmin($2::text::pg_snapshot)
        AND r.changed_by < pg_snapshot_xmax(pg_current_snapshot())
        AND NOT pg_visible_in_snapshot(r.changed_by, $2::text::pg_snapshot)
        AND r.expires_at > now()
) AS changed ON true
WHERE moment.server = $1
"""  # noqa: S608 - our own text

_BEFORE_ALL: Final = ("", "", "")


class PostgresFactStore:
    """Each question is one statement, so that what it reads and its mark are of one moment."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def about(self, about: About) -> Sequence[LiveFact]:
        """See FactStore.about."""
        rows = await self._database.ask(ABOUT, *columns(about.keys), about.sessions)
        return [_live_fact(row) for row in rows]

    async def page(self, size: int, after: FactKey | None) -> Facts:
        """See FactStore.page."""
        return _facts(await self._database.scan(PAGE, size, *(after or _BEFORE_ALL)))

    async def since(self, mark: Mark) -> Facts | None:
        """See FactStore.since."""
        rows = await self._database.scan(SINCE, mark.server, mark.snapshot)
        return _facts(rows) if rows else None


def _facts(rows: Sequence[asyncpg.Record]) -> Facts:
    """Return the facts and the mark, which is there also where no fact is."""
    mark = Mark(server=rows[0]["server"], snapshot=rows[0]["snapshot"])
    return Facts([_live_fact(row) for row in rows if row["kind"] is not None], mark)


def _live_fact(row: asyncpg.Record) -> LiveFact:
    return LiveFact(fact_of(row), row["expires_at"], row["remaining"])
