"""Administration: users, sessions by criteria, the audit trail, and users of another system.

Nothing here waits long for a lock, nor makes anyone wait: the command tries again instead. Each
index is built outside a transaction, so a migration that was interrupted begins again: what it left
half built goes first.
"""

from collections.abc import Callable
from importlib.resources import files

from alembic import op

revision = "0006"
down_revision = "0005"

USER = """
CREATE TYPE tokenauthority.user_v1 AS (
    outcome text, user_id text, username text, email text, roles text[], permissions text[],
    status text, locked_until timestamptz, last_login_at timestamptz, created_at timestamptz,
    updated_at timestamptz
)
"""

# In the order in which they lean on one another.
FUNCTIONS: tuple[str, ...] = (
    "delete_user_v3",
    "put_profile_v1",
    "add_user_v1",
    "user_of_v1",
    "put_user_v1",
    "address_v1",
    "find_sessions_v1",
    "end_sessions_v1",
    "take_over_user_v1",
    "take_over_users_v1",
    "begin_erasure_v1",
    "clear_person_v1",
)

PARTITIONS_WITHOUT_INDEX = """
SELECT c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
WHERE i.inhparent = 'tokenauthority.audit_events'::regclass AND NOT EXISTS (
    SELECT FROM pg_index AS x JOIN pg_inherits AS h ON h.inhrelid = x.indexrelid
    WHERE x.indrelid = c.oid
        AND h.inhparent = 'tokenauthority.audit_events_by_session'::regclass)
"""


def upgrade() -> None:
    """Add what the release before does not look at; it goes on meanwhile."""
    with op.get_context().autocommit_block():
        _index(op.get_bind().exec_driver_sql)
    run = op.get_bind().exec_driver_sql
    run("SET LOCAL lock_timeout = '500ms'")
    run(USER)
    folder = files("tokenauthority_server.adapters.postgres.migrations") / "functions"
    for name in FUNCTIONS:
        run((folder / f"{name}.sql").read_text())


def _index(run: Callable[..., object]) -> None:
    run("DROP INDEX CONCURRENTLY IF EXISTS tokenauthority.users_by_username")
    run(
        "CREATE INDEX CONCURRENTLY users_by_username "
        "ON tokenauthority.users (username text_pattern_ops)"
    )
    # The index of a partitioned table cannot be built beside writers. That of a partition can, and
    # then takes its place under one that was declared for the whole. A month that is made from then
    # on gets its own by itself.
    run("SET lock_timeout = '500ms'")
    run(
        "CREATE INDEX IF NOT EXISTS audit_events_by_session "
        "ON ONLY tokenauthority.audit_events (session_id, event_id) WHERE session_id <> ''"
    )
    run("RESET lock_timeout")
    for (month,) in op.get_bind().exec_driver_sql(PARTITIONS_WITHOUT_INDEX).fetchall():
        name = f"{month}_by_session"
        run(f"DROP INDEX CONCURRENTLY IF EXISTS tokenauthority.{name}")
        run(
            f"CREATE INDEX CONCURRENTLY {name} "
            f"ON tokenauthority.{month} (session_id, event_id) WHERE session_id <> ''"
        )
        run("SET lock_timeout = '500ms'")
        run(
            "ALTER INDEX tokenauthority.audit_events_by_session "
            f"ATTACH PARTITION tokenauthority.{name}"
        )
        run("RESET lock_timeout")
