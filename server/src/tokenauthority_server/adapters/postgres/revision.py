"""Which revision a database's schema has, and which one this release needs."""

from functools import cache
from pathlib import Path

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from tokenauthority_server.domain.errors import StartError

_VERSIONS = Path(__file__).parent / "migrations" / "versions"


@cache
def required_revision() -> str:
    """Return the newest revision that this release knows; revisions are four digits, in order."""
    return max(path.name[:4] for path in _VERSIONS.glob("[0-9]*.py"))


def check_revision(revision: str) -> None:
    """Return when the database's revision is one that this release works on; raise StartError."""
    required = required_revision()
    if revision < required:
        raise StartError(
            f"The database's schema is at {revision or 'none'}, and {required} is needed: "
            "run `tokenauthority migrate`."
        )


async def read_revision(
    connection: "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]",
) -> str:
    """Return the database's revision, or "" when it has no schema of ours.

    A newer one than required is fine: code runs before and after each migration.
    """
    if await connection.fetchval("SELECT to_regclass('tokenauthority.alembic_version')") is None:
        return ""
    return str(
        await connection.fetchval(
            "SELECT coalesce(max(version_num), '') FROM tokenauthority.alembic_version"
        )
    )
