"""`tokenauthority keys`: see keys_command, which does it."""

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from tokenauthority_server.commands.settings import WRONG_CONFIGURATION, settings_for

if TYPE_CHECKING:
    from tokenauthority_server.keys_command import Work

keys = typer.Typer(help="List, rotate and revoke the keys that sign tokens.", no_args_is_help=True)

# One id in sixty-four begins with a dash.
_ANY_KEY_ID = {"ignore_unknown_options": True}
KeyId = Annotated[str, typer.Argument(help="The key's id, as `keys list` shows it.")]


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


def _with_keys(work: "Work") -> None:
    settings = settings_for("keys")
    from rich.console import Console

    from tokenauthority_server.keys_command import run

    asyncio.run(run(settings, Console(), work))
