"""What Alembic runs for each command: the caller hands over an open connection."""

from alembic import context
from sqlalchemy import text

from tokenauthority_server.adapters.postgres.schema import SCHEMA, metadata

# Two migrations at once (a job retried, two developers) take turns; the lock ends with the
# transaction, so that it also holds behind a pooler in transaction mode.
_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('tokenauthority.migrate'))")

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    version_table_schema=SCHEMA,
    include_schemas=True,
)
with context.begin_transaction():
    connection.execute(_LOCK)
    connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
    context.run_migrations()
