"""The command `tokenauthority`. What a command needs is imported when it runs: starts are quick."""

import asyncio
import os
import socket
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from tokenauthority_server.commands.audit import audit
from tokenauthority_server.commands.callers import callers
from tokenauthority_server.commands.keys import keys
from tokenauthority_server.commands.settings import WRONG_CONFIGURATION, settings_for
from tokenauthority_server.commands.users import users
from tokenauthority_server.domain.errors import StartError

if TYPE_CHECKING:
    from tokenauthority_server.config import Settings
    from tokenauthority_server.dev import Serve

# gRPC's core writes to standard error in a form of its own, beside our log, and what callers send
# makes it write: a line for each header that does not parse.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

FAILED = 1

cli = typer.Typer(
    help="The token authority: sessions, tokens and revocation over gRPC.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

cli.add_typer(keys, name="keys")
cli.add_typer(callers, name="callers")
cli.add_typer(users, name="users")
cli.command()(audit)


class Checked(StrEnum):
    """The commands whose settings can be checked."""

    SERVE = "serve"
    DEV = "dev"
    MIGRATE = "migrate"
    JANITOR = "janitor"
    KEYS = "keys"
    USERS = "users"
    AUDIT = "audit"


@cli.command()
def serve() -> None:
    """Serve on the stores that the settings name, until SIGTERM or Ctrl-C."""
    settings = settings_for("serve")
    serving = _serving(settings)(settings)
    if settings.workers > 1:
        # On asyncio's own loop: uvloop's starts no process in a group of its own, and raises other
        # errors where a line to a worker is closed.
        asyncio.run(serving)
        return
    from tokenauthority_server.event_loop import run

    run(serving)


@cli.command()
def dev() -> None:
    """Serve with stores and a key of its own under DATA_DIR: for development."""
    settings = settings_for("dev")
    from tokenauthority_server.dev import develop

    develop(settings, _serving(settings))


def _serving(settings: "Settings") -> "Serve":
    """Return what serves: one process, or one that watches over several and knows no gRPC."""
    if settings.workers > 1:
        from tokenauthority_server.supervision.serve import serve as by_workers

        return by_workers
    from tokenauthority_server.app import serve as alone

    return alone


@cli.command(hidden=True)
def worker(
    number: Annotated[int, typer.Argument(min=0)],
    end: Annotated[int, typer.Argument(min=3, help="The file of its line to the supervisor.")],
    *,
    dev: Annotated[bool, typer.Option("--dev")] = False,
) -> None:
    """Be one of the workers of `serve` or `dev`, which start it."""
    settings = settings_for("dev" if dev else "serve")
    try:
        line = socket.socket(fileno=end)
    except OSError:
        typer.echo("Give WORKERS to `tokenauthority serve`, which starts them.", err=True)
        raise typer.Exit(WRONG_CONFIGURATION) from None
    from tokenauthority_server.event_loop import run
    from tokenauthority_server.worker import work

    try:
        run(work(settings, number, line, dev=dev))
    except StartError as error:
        # The supervisor tells it, once for all workers.
        raise typer.Exit(error.exit_code) from None


@cli.command()
def migrate() -> None:
    """Bring the database's schema to what this release needs; nothing where it is there already."""
    settings = settings_for("migrate")
    from tokenauthority_server.adapters.postgres.migrate import migrate as run

    changed = asyncio.run(run(settings.database_url.get_secret_value()))
    typer.echo("The schema has been migrated." if changed else "The schema is current already.")


@cli.command()
def janitor(
    *,
    once: Annotated[
        bool, typer.Option("--once", help="Sweep until nothing is left, then end.")
    ] = False,
) -> None:
    """Remove what matters no more: for a cron job, beside `serve`, which does it by itself."""
    if not once:
        typer.echo(
            "Give --once: `tokenauthority janitor --once` sweeps until nothing is left, and ends. "
            "What goes on sweeping, once a minute, is `tokenauthority serve`.",
            err=True,
        )
        raise typer.Exit(WRONG_CONFIGURATION)
    settings = settings_for("janitor")
    from rich.console import Console

    from tokenauthority_server.janitor import sweep

    asyncio.run(sweep(settings, Console()))


@cli.command("check-config")
def check_config(
    command: Annotated[
        Checked, typer.Argument(help="The command that the settings are for.")
    ] = Checked.SERVE,
) -> None:
    """Check the settings and print them with their origins, secrets masked."""
    settings = settings_for(command.value)
    from tokenauthority_server.configured_files import check_files

    check_files(settings)
    from tokenauthority_server.configured_stores import store_warnings

    found = asyncio.run(store_warnings(settings))
    from rich.console import Console

    from tokenauthority_server.config.rendering import render_settings

    for warning in (*settings.warnings, *found):
        typer.echo(f"warning: {warning}", err=True)
    Console().print(render_settings(settings))


@cli.command()
def healthcheck(
    service: Annotated[
        str, typer.Argument(help="readiness, liveness, or the full name of a service.")
    ] = "readiness",
) -> None:
    """Ask the server of these settings for its health: exits with 0 when it is serving, else 1.

    With TLS or HEALTH_REQUIRES_CALLER it asks over HTTP, which knows readiness and liveness only.
    """
    settings = settings_for("healthcheck")
    from tokenauthority_server.transport.health_check import check, check_over_http

    if settings.tls_cert_file or settings.health_requires_caller:
        asking = check_over_http(settings.http_host, settings.http_port, service)
    else:
        asking = check(settings.grpc_host, settings.grpc_port, service)
    status = asyncio.run(asking)
    typer.echo(status)
    if status != "SERVING":
        raise typer.Exit(FAILED)


def main() -> None:
    """Run the command; what a person can mend is told in a line, without a traceback."""
    try:
        cli()
    except StartError as error:
        typer.echo(str(error), err=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
