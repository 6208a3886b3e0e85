"""The settings of a command, or an end of it that tells every fault."""

import typer

from tokenauthority_server.config import ConfigurationError, Mode, Settings, load_settings

WRONG_CONFIGURATION = 2


def settings_for(mode: Mode) -> Settings:
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
