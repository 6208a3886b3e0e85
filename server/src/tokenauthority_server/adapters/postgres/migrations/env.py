"""What Alembic runs for each command: the caller hands over an open connection, and takes turns."""

from alembic import context
from sqlalchemy import text

from tokenauthority_server.adapters.postgres.schema import SCHEMA, metadata

connection = context.config.attributes["connection"]
connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
connection.commit()
context.configure(
    connection=connection,
    target_metadata=metadata,
    version_table_schema=SCHEMA,
    include_schemas=True,
    # Some indexes are built outside any transaction.
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
