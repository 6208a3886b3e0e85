"""Passwords and failed logins.

Nothing here waits long for a lock, nor makes anyone wait: the command tries again instead.
"""

from importlib.resources import files

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

SCHEMA = "tokenauthority"

LOGIN = """
CREATE TYPE tokenauthority.login_v1 AS (
    outcome text, wait interval, user_id text, password_hash text, epoch bigint, known boolean
)
"""

EXCHANGE = """
CREATE TYPE tokenauthority.password_exchange_v1 AS (outcome text, ended bigint)
"""

# In the order in which they lean on one another.
FUNCTIONS = (
    "hold_failures_v1",
    "hold_allowance_v1",
    "begin_login_v1",
    "add_failure_v1",
    "fail_login_v1",
    "forget_failures_v1",
    "open_login_v1",
    "exchange_password_v1",
)


def upgrade() -> None:
    """Add what the release before does not look at; it goes on meanwhile."""
    run = op.get_bind().exec_driver_sql
    run("SET LOCAL lock_timeout = '500ms'")
    op.create_table(
        "login_failures",
        sa.Column("subject", sa.LargeBinary, nullable=False),
        sa.Column("form", sa.LargeBinary),
        sa.Column("failures", sa.Double, server_default="0", nullable=False),
        sa.Column("pending", sa.Integer, server_default="0", nullable=False),
        sa.Column("blocked_until", sa.DateTime(timezone=True)),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("subject", name="login_failures_pkey"),
        schema=SCHEMA,
    )
    op.create_index("login_failures_by_expiry", "login_failures", ["expires_at"], schema=SCHEMA)
    op.create_table(
        "login_sources",
        sa.Column("user_id", sa.Text(collation="C"), nullable=False),
        sa.Column("source", sa.LargeBinary, nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "source", name="login_sources_pkey"),
        schema=SCHEMA,
    )
    op.create_index("login_sources_by_expiry", "login_sources", ["expires_at"], schema=SCHEMA)
    run(LOGIN)
    run(EXCHANGE)
    folder = files("tokenauthority_server.adapters.postgres.migrations") / "functions"
    for name in FUNCTIONS:
        run((folder / f"{name}.sql").read_text())
