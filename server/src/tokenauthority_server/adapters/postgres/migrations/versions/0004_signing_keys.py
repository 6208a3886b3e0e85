"""The life of signing keys, and sessions that end with the key of their refresh token.

Nothing here waits long for a lock, nor makes anyone wait: the command tries again instead.
"""

from importlib.resources import files

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

SCHEMA = "tokenauthority"

CHANGE = """
CREATE TYPE tokenauthority.key_change_v1 AS (
    outcome text, kid text, algorithm text, state text, created_at timestamptz,
    activated_at timestamptz, retired_at timestamptz, last_expires_at timestamptz
)
"""

# In the order in which they lean on one another.
FUNCTIONS = (
    "revoked_keys_v1",
    "evict_sessions_v2",
    "create_session_v3",
    "settle_refresh_v3",
    "end_epoch_v2",
    "set_user_status_v2",
    "delete_user_v2",
    "end_user_sessions_v2",
    "count_live_sessions_v2",
    "audit_key_v1",
    "key_change_of_v1",
    "add_signing_key_v1",
    "let_key_sign_v1",
    "prepare_signing_key_v1",
    "supply_signing_keys_v1",
    "activate_signing_key_v1",
    "retire_signing_key_v1",
    "count_sessions_of_key_v1",
    "end_key_v1",
    "revoke_signing_key_v1",
    "revoke_key_elsewhere_v1",
    "keep_signing_key_v1",
)

TRIGGER = """
CREATE TRIGGER {name} BEFORE {change} ON tokenauthority.signing_keys
FOR EACH {each} EXECUTE FUNCTION tokenauthority.keep_signing_key_v1()
"""


def upgrade() -> None:
    """Add what the release before does not look at; it goes on meanwhile."""
    run = op.get_bind().exec_driver_sql
    run("SET LOCAL lock_timeout = '500ms'")
    op.add_column(
        "signing_keys",
        sa.Column(
            "last_expires_at",
            sa.DateTime(timezone=True),
            # Of keys that are there already, and of those that the release before adds, nothing is
            # known but that no token lives for longer than a year.
            server_default=sa.text("now() + interval '366 days'"),
            nullable=False,
        ),
        schema=SCHEMA,
    )
    run(CHANGE)
    folder = files("tokenauthority_server.adapters.postgres.migrations") / "functions"
    for name in FUNCTIONS:
        run((folder / f"{name}.sql").read_text())
    run(TRIGGER.format(name="keep", change="DELETE", each="ROW"))
    run(TRIGGER.format(name="keep_all", change="TRUNCATE", each="STATEMENT"))
