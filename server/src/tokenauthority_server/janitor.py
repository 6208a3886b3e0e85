"""`tokenauthority janitor --once`: the sweep that `serve` does by itself, for a cron job."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from tokenauthority_server.adapters.postgres.database import Database
from tokenauthority_server.adapters.postgres.revision import check_revision
from tokenauthority_server.adapters.postgres.upkeep import PostgresUpkeep
from tokenauthority_server.config import Settings
from tokenauthority_server.domain.errors import StartError, StoreUnavailableError
from tokenauthority_server.domain.upkeep import Leftover
from tokenauthority_server.services.upkeep import Janitor, Note

PASS_SECONDS = 5.0
"""Where nobody watches, a line is written after each pass."""


async def sweep(settings: Settings, console: Console) -> None:
    """Remove what matters no more until nothing is left, and print what was removed.

    Raises StartError when the database cannot be asked, or has not the schema.
    """
    database = Database(settings.database_url.get_secret_value())
    await database.open()
    try:
        check_revision(await database.revision())
        janitor = Janitor(upkeep=PostgresUpkeep(database), keep=settings.audit_lifetime)
        console.print(_table(*await _sweep(janitor, console)))
    except StoreUnavailableError as error:
        why = f" ({error.why})" if error.why else ""
        raise StartError(f"{error}{why}. What was removed stays removed; run it again.") from error
    finally:
        await database.close()


async def _sweep(janitor: Janitor, console: Console) -> tuple[dict[Leftover, int], int]:
    """Return the rows removed by kind, and the audit months made and dropped."""
    removed = dict.fromkeys(Leftover, 0)
    months = 0
    with _progress(console, removed) as note:
        while True:
            done = await janitor.tidy(PASS_SECONDS, note)
            months += done.months
            if done.finished:
                return removed, months
            if not console.is_terminal:
                console.print(f"{sum(removed.values())} rows removed so far")


@contextmanager
def _progress(console: Console, removed: dict[Leftover, int]) -> Iterator[Note]:
    """Give what counts each batch, and shows it where somebody watches."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as shown:
        line = shown.add_task("sweeping")

        def note(what: Leftover, count: int) -> None:
            removed[what] += count
            shown.update(line, description=f"{sum(removed.values())} rows removed")

        yield note


def _table(removed: dict[Leftover, int], months: int) -> Table:
    table = Table("what", "removed")
    table.columns[1].justify = "right"
    for what, count in removed.items():
        table.add_row(what.value.replace("_", " "), str(count))
    table.caption = f"{months} months of the audit trail made or dropped" if months else None
    return table
