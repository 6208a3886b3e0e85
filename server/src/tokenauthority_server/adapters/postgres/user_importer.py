"""UserImporter over PostgreSQL."""

import json
from collections.abc import Sequence
from typing import Final

from tokenauthority_server.adapters.postgres.database import Database
from tokenauthority_server.domain.imports import Imported, ImportedUser
from tokenauthority_server.domain.revocations import FACT_MARGIN, LONGEST_ACCESS_LIFETIME
from tokenauthority_server.domain.sessions import Origin

TAKE_OVER: Final = """
SELECT tokenauthority.take_over_users_v1($1::jsonb, $2, $3, $4, $5, $6) AS outcomes
"""


class PostgresUserImporter:
    """Takes users over, many in one round trip and one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put_all(
        self,
        users: Sequence[ImportedUser],
        origin: Origin,
        *,
        replace_passwords: bool,
        dry_run: bool,
    ) -> Sequence[Imported]:
        """See UserImporter.put_all."""
        (row,) = await self._database.keep_up(
            TAKE_OVER,
            json.dumps([_row(one) for one in users]),
            replace_passwords,
            dry_run,
            LONGEST_ACCESS_LIFETIME + FACT_MARGIN,
            origin.caller,
            origin.request_id,
        )
        return [Imported(one) for one in row["outcomes"]]


def _row(user: ImportedUser) -> dict[str, object]:
    return {
        "user_id": user.profile.user_id,
        "username": user.profile.username,
        "email": user.profile.email,
        "roles": user.profile.roles,
        "permissions": user.profile.permissions,
        "profile_bytes": user.profile_size,
        "password_hash": user.password_hash,
        "active": user.active,
    }
