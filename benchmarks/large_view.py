"""P8: what a million revocations in memory cost each validation, and how much memory."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from benchmarks import workload
from benchmarks.authority import Authority, migrate
from benchmarks.crew import Crew
from benchmarks.load import Work
from benchmarks.processes import resident_bytes
from benchmarks.revoking import wait_for_lease
from benchmarks.rows import Budget, Line, Row, Verdict, compare
from benchmarks.stores import Stores
from benchmarks.trial import Pace, Side, run

FACTS = 1_000_000
MOST_BYTES = 200
"""For each of them."""
RATE = 1 / 1.1
SESSIONS = 256
IN_FLIGHT = 64

# Of sessions, the usual ones, with ids like real ones; none of them is asked about.
_FACTS = """
INSERT INTO tokenauthority.revocations
    (user_id, kind, target, reason, epoch, expires_at)
SELECT 'user-' || n, 'session', 'sess_' || left(
        translate(encode(sha256(n::text::bytea), 'base64'), '+/=', '-_'), 43
    ), 'LOGOUT', 0, now() + interval '3 hours'
FROM generate_series(1, $1::int) AS n
"""


@dataclass(frozen=True, slots=True)
class _One:
    """A server with a database and a data set of its own, which holds a lease."""

    authority: Authority
    seeds: list[workload.Seed]


def validate(up: Stores, folder: Path, drivers: int, pace: Pace, facts: int = FACTS) -> Row:
    """Return the row of `Validate` by a view with so many facts, against one with none."""
    with ExitStack() as stack:
        crew = Crew(drivers, stack)
        sides = []
        for name, count in (("ours", facts), ("bare", 0)):
            one = stack.enter_context(_serving(up, folder, name, count))
            bodies = workload.validations(one.seeds)
            crew.prepare(Work(name, one.authority.address, "Validate", bodies, IN_FLIGHT))
            sides.append(Side(name, crew, one.authority.pid, up.postgres.pid))
        windows = run(sides, pace)
        resident = {side.name: resident_bytes(side.server) for side in sides}
    each = (resident["ours"] - resident["bare"]) / facts
    row = compare(
        "P8",
        f"Validate, {facts:,} revocations",
        f"the authority with {facts:,} revocations in its view against one with none; "
        f"{IN_FLIGHT} in flight, by {crew.name}",
        Budget(rate=RATE),
        windows,
    )
    small = each <= MOST_BYTES
    line = Line("memory, bytes a revocation", f"{each:.0f}", budget=f"≤ {MOST_BYTES}")
    return replace(
        row,
        lines=(*row.lines, line),
        verdict=row.verdict if small or row.verdict.fails else Verdict.BROKEN,
        details={**row.details, "bytes": each},
    )


@contextmanager
def _serving(up: Stores, folder: Path, name: str, facts: int) -> Iterator[_One]:
    own = folder / f"view-{name}"
    own.mkdir()
    url = asyncio.run(_database(up.postgres.url, f"view_{name}"))
    migrate(url, folder)
    asyncio.run(_fill(url, facts))
    redis = _at(up.valkey.url, "1" if facts else "2")
    settings = up.settings | {"DATABASE_URL": url, "REDIS_URL": redis}
    with Authority("serve", settings, own) as authority:
        seeds = workload.make_seeds(authority.address, SESSIONS)
        wait_for_lease(authority.address, seeds[0].access_token)
        yield _One(authority, seeds)


def _at(url: str, database: str) -> str:
    return urlsplit(url)._replace(path=f"/{database}").geturl()


async def _database(url: str, name: str) -> str:
    """Make a database beside the one of this address, and return its own address."""
    connection = await asyncpg.connect(url)
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    return _at(url, name)


async def _fill(url: str, facts: int) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(_FACTS, facts)
    await connection.execute("ANALYZE tokenauthority.revocations")
    await connection.close()
