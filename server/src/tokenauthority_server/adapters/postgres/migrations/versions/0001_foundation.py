"""The tables of sessions, facts, keys, metrics and audit, and the functions that change them.

A migration never changes once it is released, so it states the tables by itself instead of taking
them from the schema module; a test compares the two.
"""

from importlib.resources import files

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None

SCHEMA = "tokenauthority"

GRANT = """
CREATE TYPE tokenauthority.grant_v1 AS (
    outcome text, user_id text, username text, email text, roles text[], permissions text[],
    profile_epoch bigint, session_id text, device_id text, scope text[], epoch bigint,
    generation bigint, current_fingerprint bytea, key_id text, issued_at timestamptz,
    access_expires_at timestamptz, refresh_expires_at timestamptz, seen_at timestamptz
)
"""

# In the order in which they lean on one another.
FUNCTIONS = (
    "allowed_v1",
    "count_v1",
    "refusal_v1",
    "grant_of_v1",
    "create_session_v1",
    "settle_refresh_v1",
    "end_user_sessions_v1",
)


def upgrade() -> None:
    """Make everything."""
    _tables()
    run = op.get_bind().exec_driver_sql
    # Events go to their month's partition where there is one, and here until then.
    run(
        "CREATE TABLE tokenauthority.audit_events_rest "
        "PARTITION OF tokenauthority.audit_events DEFAULT"
    )
    run(GRANT)
    folder = files("tokenauthority_server.adapters.postgres.migrations") / "functions"
    for name in FUNCTIONS:
        run((folder / f"{name}.sql").read_text())


def _tables() -> None:
    op.create_table(
        "audit_events",
        sa.Column("user_id", sa.Text(collation="C"), nullable=False),
        sa.Column("event_id", sa.UUID(), nullable=False),
        sa.Column(
            "occurred_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("caller", sa.Text(), server_default="", nullable=False),
        sa.Column("session_id", sa.Text(), server_default="", nullable=False),
        sa.Column("device_id", sa.Text(), server_default="", nullable=False),
        sa.Column("user_agent", sa.Text(), server_default="", nullable=False),
        sa.Column("ip_address", sa.Text(), server_default="", nullable=False),
        sa.Column("outcome", sa.Text(), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("request_id", sa.Text(), server_default="", nullable=False),
        sa.Column("details", JSONB(), server_default="{}", nullable=False),
        sa.PrimaryKeyConstraint("user_id", "event_id", name="audit_events_pkey"),
        schema=SCHEMA,
        postgresql_partition_by="RANGE (event_id)",
    )
    op.create_table(
        "former_profiles",
        sa.Column("user_id", sa.Text(collation="C"), nullable=False),
        sa.Column("profile_version", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("username", sa.Text(), server_default="", nullable=False),
        sa.Column("email", sa.Text(), server_default="", nullable=False),
        sa.Column("roles", sa.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("permissions", sa.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("profile_epoch", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column(
            "replaced_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("user_id", "profile_version", name="former_profiles_pkey"),
        schema=SCHEMA,
    )
    op.create_table(
        "revocations",
        sa.Column("user_id", sa.Text(collation="C"), nullable=False),
        sa.Column("kind", sa.Text(collation="C"), nullable=False),
        sa.Column("target", sa.Text(collation="C"), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("except_session_id", sa.Text(), server_default="", nullable=False),
        sa.Column("caller", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "kind", "target", name="revocations_pkey"),
        schema=SCHEMA,
    )
    op.create_table(
        "sessions",
        sa.Column("user_id", sa.Text(collation="C"), nullable=False),
        sa.Column("session_id", sa.Text(collation="C"), nullable=False),
        sa.Column("epoch", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("generation", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("current_fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("parent_fingerprint", sa.LargeBinary(), nullable=True),
        sa.Column("rotated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("access_expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("refresh_expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_token_expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("profile_version", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("device_id", sa.Text(), server_default="", nullable=False),
        sa.Column("user_agent", sa.Text(), server_default="", nullable=False),
        sa.Column("ip_address", sa.Text(), server_default="", nullable=False),
        sa.Column("scope", sa.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.Column("caller", sa.Text(), server_default="", nullable=False),
        sa.Column("request_id", sa.Text(), server_default="", nullable=False),
        sa.Column("request_digest", sa.LargeBinary(), nullable=True),
        sa.Column("sweep_on", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "session_id", name="sessions_pkey"),
        schema=SCHEMA,
        postgresql_with={"fillfactor": "85"},
    )
    op.create_index(
        "sessions_by_creation", "sessions", ["user_id", "created_at", "session_id"], schema=SCHEMA
    )
    op.create_index("sessions_by_id", "sessions", ["session_id"], schema=SCHEMA)
    op.create_index(
        "sessions_by_request",
        "sessions",
        ["user_id", "caller", "request_id"],
        schema=SCHEMA,
        postgresql_where=sa.text("request_id <> ''"),
    )
    op.create_index("sessions_by_sweep", "sessions", ["sweep_on"], schema=SCHEMA)
    op.create_table(
        "signing_keys",
        sa.Column("kid", sa.Text(collation="C"), nullable=False),
        sa.Column("algorithm", sa.Text(), nullable=False),
        sa.Column("public_jwk", sa.Text(), nullable=False),
        sa.Column("sealed_private_key", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("activated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("kid", name="signing_keys_pkey"),
        schema=SCHEMA,
    )
    op.create_index(
        "signing_keys_one_active",
        "signing_keys",
        ["algorithm"],
        unique=True,
        schema=SCHEMA,
        postgresql_where=sa.text("state = 'ACTIVE'"),
    )
    op.create_table(
        "token_metrics",
        sa.Column("user_id", sa.Text(collation="C"), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("device_id", sa.Text(collation="C"), nullable=False),
        sa.Column("metric_type", sa.Text(collation="C"), nullable=False),
        sa.Column("count", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint(
            "user_id", "day", "device_id", "metric_type", name="token_metrics_pkey"
        ),
        schema=SCHEMA,
        postgresql_with={"fillfactor": "85"},
    )
    op.create_table(
        "token_totals",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("metric_type", sa.Text(collation="C"), nullable=False),
        sa.Column("count", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("day", "metric_type", name="token_totals_pkey"),
        schema=SCHEMA,
    )
    op.create_table(
        "users",
        sa.Column("user_id", sa.Text(collation="C"), nullable=False),
        sa.Column("username", sa.Text(), server_default="", nullable=False),
        sa.Column("email", sa.Text(), server_default="", nullable=False),
        sa.Column("roles", sa.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("permissions", sa.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("profile_bytes", sa.Integer(), server_default="0", nullable=False),
        sa.Column("profile_version", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("profile_epoch", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("epoch", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("status", sa.Text(), server_default="ACTIVE", nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("failed_logins", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_login_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "status IN ('ACTIVE', 'DISABLED', 'LOCKED', 'DELETED')", name="users_status_check"
        ),
        sa.PrimaryKeyConstraint("user_id", name="users_pkey"),
        sa.UniqueConstraint("username", name="users_username_key"),
        schema=SCHEMA,
    )
