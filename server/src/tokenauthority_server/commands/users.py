"""`tokenauthority users`: see users_command, which does it."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from tokenauthority_server.commands.arguments import unicode
from tokenauthority_server.commands.settings import WRONG_CONFIGURATION, settings_for

LINES_REFUSED = 1

users = typer.Typer(help="Take users over, and erase persons.", no_args_is_help=True)


@users.command("import")
def import_users(
    file: Annotated[str, typer.Argument(help="A file of CSV or JSON lines; - is standard input.")],
    *,
    form: Annotated[
        str, typer.Option("--format", help="csv or jsonl; by default what the suffix says.")
    ] = "",
    report: Annotated[
        Path | None, typer.Option(help="Write every refused line, and why, into this file.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Tell what would be done, and do nothing.")
    ] = False,
    replace_passwords: Annotated[
        bool,
        typer.Option(
            "--replace-passwords",
            help="Also those that were set here, or hashed anew at a login. Ends the sessions.",
        ),
    ] = False,
) -> None:
    """Take over the users of another system. It may be run again, and changes what has changed.

    Exits with 0 when no line was refused, with 1 when some were, and with 2 for a bad call.
    """
    from tokenauthority_server.users_command.records import Format

    if form and form not in set(Format):
        typer.echo("--format is csv or jsonl.", err=True)
        raise typer.Exit(WRONG_CONFIGURATION)
    settings = settings_for("users")
    from rich.console import Console

    from tokenauthority_server.telemetry.logging import configure_logging
    from tokenauthority_server.users_command.take_over import Import, take_over

    configure_logging("warning", "console")
    wanted = Import(
        file=file,
        form=Format(form) if form else None,
        report=report,
        dry_run=dry_run,
        replace_passwords=replace_passwords,
    )
    if not asyncio.run(take_over(settings, Console(), wanted)):
        raise typer.Exit(LINES_REFUSED)


@users.command(context_settings={"ignore_unknown_options": True})
def erase(
    user_id: Annotated[str, typer.Argument(help="The user's id.", callback=unicode)],
    *,
    delete: Annotated[
        bool, typer.Option("--delete", help="Delete the user first, with every session.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether that is meant.")] = False,
) -> None:
    """Remove a person from the audit trail; the events stay. The user must have been deleted."""
    if not yes and not sys.stdin.isatty():
        typer.echo("Nobody is there to be asked: say --yes if it is meant.", err=True)
        raise typer.Exit(WRONG_CONFIGURATION)
    if not yes:
        typer.confirm("Devices, addresses and names of the user go for good. Go on?", abort=True)
    settings = settings_for("erase")
    from rich.console import Console

    from tokenauthority_server.users_command.erase import erase as run

    asyncio.run(run(settings, Console(), user_id, delete=delete))
