"""The command `tokenauthority`. What a command needs is imported when it runs: starts are quick."""

import asyncio
import os
import sys
from enum import StrEnum
from typing import Annotated

import typer

from tokenauthority_server.config import ConfigurationError, Mode, Settings, load_settings
from tokenauthority_server.domain.errors import StartError

# gRPC's core writes to standard error in a form of its own, beside our log: only what it must.
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")

FAILED = 1
WRONG_CONFIGURATION = 2

cli = typer.Typer(
    help="The token authority: sessions, tokens and revocation over gRPC.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


class Checked(StrEnum):
    """The commands whose settings can be checked."""

    SERVE = "serve"
    DEV = "dev"
    MIGRATE = "migrate"
    JANITOR = "janitor"


@cli.command()
def serve() -> None:
    """Serve on the stores that the settings name, until SIGTERM or Ctrl-C."""
    settings = _load("serve")
    from tokenauthority_server.app import serve as run

    asyncio.run(run(settings))


@cli.command()
def dev() -> None:
    """Serve with stores and a key of its own under DATA_DIR: for development."""
    settings = _load("dev")
    from tokenauthority_server.dev import develop

    develop(settings)


@cli.command()
def migrate() -> None:
    """Bring the database's schema to what this release needs; nothing where it is there already."""
    settings = _load("migrate")
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
    settings = _load("janitor")
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
    settings = _load(command.value)
    from rich.console import Console

    from tokenauthority_server.config.rendering import render_settings

    for warning in settings.warnings:
        typer.echo(f"warning: {warning}", err=True)
    Console().print(render_settings(settings))


@cli.command()
def healthcheck(
    service: Annotated[
        str, typer.Argument(help="readiness, liveness, or the full name of a service.")
    ] = "readiness",
) -> None:
    """Ask the server of these settings for its health: exits with 0 when it is serving, else 1."""
    settings = _load("healthcheck")
    from tokenauthority_server.transport.health_check import check

    status = asyncio.run(check(settings.grpc_host, settings.grpc_port, service))
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


def _load(mode: Mode) -> Settings:
    """Return the settings; with faults, print all of them and exit."""
    try:
        settings = load_settings(mode=mode)
    except ConfigurationError as error:
        for warning in error.warnings:
            typer.echo(f"warning: {warning}", err=True)
        for fault in error.faults:
            typer.echo(str(fault), err=True)
        raise typer.Exit(WRONG_CONFIGURATION) from None
    return settings


if __name__ == "__main__":
    main()
