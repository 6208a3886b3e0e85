"""The command `tokenauthority`. What a command needs is imported when it runs: starts are quick."""

import asyncio
import os
import sys
from enum import StrEnum
from typing import Annotated

import typer

from tokenauthority_server.commands.audit import audit
from tokenauthority_server.commands.callers import callers
from tokenauthority_server.commands.keys import keys
from tokenauthority_server.commands.settings import WRONG_CONFIGURATION, settings_for
from tokenauthority_server.commands.users import users
from tokenauthority_server.domain.errors import StartError

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
    from tokenauthority_server.app import serve as run

    asyncio.run(run(settings))


@cli.command()
def dev() -> None:
    """Serve with stores and a key of its own under DATA_DIR: for development."""
    settings = settings_for("dev")
    from tokenauthority_server.dev import develop

    develop(settings)


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
