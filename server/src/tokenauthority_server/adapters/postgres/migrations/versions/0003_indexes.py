"""Indexes for lists, sweeps and totals, and the first audit months, while everyone goes on writing.

Each index is built outside a transaction, so a migration that was interrupted begins again: what it
left half built goes first.
"""

from collections.abc import Callable

from alembic import op

revision = "0003"
down_revision = "0002"

MONTHS_AHEAD = 2

INDEXES = {
    # What ended is not in it, and what an epoch ended lies apart: neither a list nor a count walks
    # over dead rows.
    "sessions_live": (
        "tokenauthority.sessions (user_id, epoch, created_at, session_id) WHERE ended_at IS NULL"
    ),
    "revocations_by_expiry": "tokenauthority.revocations (expires_at)",
    "former_profiles_by_replacement": "tokenauthority.former_profiles (replaced_at)",
    "token_metrics_by_day": "tokenauthority.token_metrics (day, device_id)",
}


def upgrade() -> None:
    """Build the new ones, then drop the one that they replace."""
    with op.get_context().autocommit_block():
        run = op.get_bind().exec_driver_sql
        for name, columns in INDEXES.items():
            run(f"DROP INDEX CONCURRENTLY IF EXISTS tokenauthority.{name}")
            run(f"CREATE INDEX CONCURRENTLY {name} ON {columns}")
        run("DROP INDEX CONCURRENTLY IF EXISTS tokenauthority.sessions_by_creation")
        if not op.get_bind().exec_driver_sql(_AUDIT_INDEX_IS_THERE).scalar_one():
            _index_audit_events(run)
        # One at a time: while a month is attached the rest is searched for its events, and locked.
        for ahead in range(MONTHS_AHEAD + 1):
            run(f"SELECT tokenauthority.add_audit_months_v1({ahead})")


_AUDIT_INDEX_IS_THERE = """
SELECT EXISTS (SELECT FROM pg_index
WHERE indexrelid = to_regclass('tokenauthority.audit_events_by_time') AND indisvalid)
"""


def _index_audit_events(run: Callable[[str], object]) -> None:
    # The index of a partitioned table cannot be built beside writers. That of a partition can, and
    # then takes its place under one that was declared for the whole, and is empty by itself.
    run("SET lock_timeout = '500ms'")
    run("DROP INDEX IF EXISTS tokenauthority.audit_events_by_time")
    run("RESET lock_timeout")
    run("DROP INDEX CONCURRENTLY IF EXISTS tokenauthority.audit_events_rest_event_id_idx")
    run(
        "CREATE INDEX CONCURRENTLY audit_events_rest_event_id_idx "
        "ON tokenauthority.audit_events_rest (event_id)"
    )
    run("SET lock_timeout = '500ms'")
    run("CREATE INDEX audit_events_by_time ON ONLY tokenauthority.audit_events (event_id)")
    run(
        "ALTER INDEX tokenauthority.audit_events_by_time "
        "ATTACH PARTITION tokenauthority.audit_events_rest_event_id_idx"
    )
    run("RESET lock_timeout")
