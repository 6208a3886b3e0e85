"""Which transaction has written each fact, so that it can be told exactly which ones are new.

Nothing here waits long for a lock, nor makes anyone wait: the command tries again instead. The
index is built outside a transaction, so a migration that was interrupted begins again: what is
there already stays, and what it left half built goes first.
"""

from importlib.resources import files

from alembic import op

revision = "0007"
down_revision = "0006"

# Whoever writes facts meanwhile is waited for, so that all that are not marked are older than the
# migration.
TRIGGER = """
CREATE OR REPLACE TRIGGER mark BEFORE INSERT OR UPDATE ON tokenauthority.revocations
FOR EACH ROW EXECUTE FUNCTION tokenauthority.mark_revocation_v1()
"""


def upgrade() -> None:
    """Add what the release before does not look at; what it writes is marked as well."""
    run = op.get_bind().exec_driver_sql
    run("SET LOCAL lock_timeout = '500ms'")
    run("ALTER TABLE tokenauthority.revocations ADD COLUMN IF NOT EXISTS changed_by xid8")
    folder = files("tokenauthority_server.adapters.postgres.migrations") / "functions"
    run((folder / "mark_revocation_v1.sql").read_text())
    run(TRIGGER)
    with op.get_context().autocommit_block():
        run = op.get_bind().exec_driver_sql
        run("DROP INDEX CONCURRENTLY IF EXISTS tokenauthority.revocations_by_change")
        run(
            "CREATE INDEX CONCURRENTLY revocations_by_change "
            "ON tokenauthority.revocations (changed_by)"
        )
