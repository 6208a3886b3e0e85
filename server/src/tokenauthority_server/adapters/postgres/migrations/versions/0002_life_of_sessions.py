"""The session cap, statuses of users that end sessions, tombstones, gauges, and audit months.

Nothing here waits long for a lock, nor makes anyone wait: the command tries again instead.
"""

from importlib.resources import files

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

SCHEMA = "tokenauthority"

# In the order in which they lean on one another.
FUNCTIONS = (
    "audit_bound_v1",
    "event_id_v1",
    "rfc3339_v1",
    "sweep_day_v1",
    "evict_sessions_v1",
    "create_session_v2",
    "settle_refresh_v2",
    "end_epoch_v1",
    "set_user_status_v1",
    "delete_user_v1",
    "count_live_sessions_v1",
    "add_audit_months_v1",
    "drop_audit_months_v1",
)


def upgrade() -> None:
    """Add what the release before does not look at; it goes on meanwhile."""
    run = op.get_bind().exec_driver_sql
    run("SET LOCAL lock_timeout = '500ms'")
    # A tombstone has no username, so that another user may take it.
    op.alter_column("users", "username", nullable=True, server_default=None, schema=SCHEMA)
    op.create_table(
        "token_gauges",
        sa.Column("name", sa.Text(collation="C"), nullable=False),
        sa.Column("value", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name="token_gauges_pkey"),
        schema=SCHEMA,
    )
    folder = files("tokenauthority_server.adapters.postgres.migrations") / "functions"
    for name in FUNCTIONS:
        run((folder / f"{name}.sql").read_text())
