"""The command `tokenauthority`. What a command needs is imported when it runs: starts are quick."""

import asyncio
import os
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from tokenauthority_server.config import ConfigurationError, Mode, Settings, load_settings
from tokenauthority_server.domain.errors import StartError

if TYPE_CHECKING:
    from tokenauthority_server.keys_command import Work

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


keys = typer.Typer(help="List, rotate and revoke the keys that sign tokens.", no_args_is_help=True)
cli.add_typer(keys, name="keys")

# One id in sixty-four begins with a dash.
_ANY_KEY_ID = {"ignore_unknown_options": True}
KeyId = Annotated[str, typer.Argument(help="The key's id, as `keys list` shows it.")]


class Checked(StrEnum):
    """The commands whose settings can be checked."""

    SERVE = "serve"
    DEV = "dev"
    MIGRATE = "migrate"
    JANITOR = "janitor"
    KEYS = "keys"


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


@keys.command("list")
def list_keys() -> None:
    """List the keys of the database, newest first."""
    _with_keys(lambda hand: hand.list_keys())


@keys.command()
def prepare(
    algorithm: Annotated[
        str, typer.Option(help="ES256, EdDSA, RS256 or PS256; by default the one that signs.")
    ] = "",
) -> None:
    """Make a key that is published and does not sign yet. There mostly is one already."""
    _with_keys(lambda hand: hand.prepare(algorithm))


@keys.command(context_settings=_ANY_KEY_ID)
def activate(
    key_id: Annotated[str, typer.Argument(help="By default the oldest one that is prepared.")] = "",
) -> None:
    """Rotate: let a prepared key sign, and retire the one that did. Nobody notices."""
    _with_keys(lambda hand: hand.activate(key_id))


@keys.command(context_settings=_ANY_KEY_ID)
def retire(key_id: KeyId) -> None:
    """Let a key sign no more. What it has signed stays good."""
    _with_keys(lambda hand: hand.retire(key_id))


@keys.command(context_settings=_ANY_KEY_ID)
def revoke(
    key_id: KeyId,
    *,
    elsewhere: Annotated[
        bool, typer.Option("--elsewhere", help="The key stands in a folder or a setting.")
    ] = False,
    lost: Annotated[
        bool,
        typer.Option(
            "--lost-encryption-key",
            help="KEY_ENCRYPTION_KEY as it was is lost: go on with the one that is set now.",
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether that is meant.")] = False,
) -> None:
    """Kill a key that is in wrong hands, all that it has signed, and the sessions on it."""
    if not yes and not sys.stdin.isatty():
        typer.echo("Nobody is there to be asked: say --yes if it is meant.", err=True)
        raise typer.Exit(WRONG_CONFIGURATION)
    if not yes:
        typer.confirm(
            "All tokens of this key die at once, and users whose session it signed last have to "
            "log in again. Go on?",
            abort=True,
        )
    _with_keys(lambda hand: hand.revoke(key_id, elsewhere=elsewhere, lost=lost))


@keys.command()
def rewrap() -> None:
    """Seal all private keys by the first KEY_ENCRYPTION_KEY, so that a former one can go."""
    _with_keys(lambda hand: hand.rewrap())


@cli.command("check-config")
def check_config(
    command: Annotated[
        Checked, typer.Argument(help="The command that the settings are for.")
    ] = Checked.SERVE,
) -> None:
    """Check the settings and print them with their origins, secrets masked."""
    settings = _load(command.value)
    if settings.signing_keys_dir:
        from tokenauthority_server.adapters.signing_keys.folder import KeyFolder

        KeyFolder(settings.signing_keys_dir, settings.jwt_algorithm).read()
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


def _with_keys(work: "Work") -> None:
    settings = _load("keys")
    from rich.console import Console

    from tokenauthority_server.keys_command import run

    asyncio.run(run(settings, Console(), work))


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
