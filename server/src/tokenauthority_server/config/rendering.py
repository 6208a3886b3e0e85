"""The settings as a table for people. Apart from the rest, since rich takes time to import."""

from pydantic import SecretStr
from rich.table import Column, Table
from rich.text import Text

from tokenauthority_server.config.addresses import masked
from tokenauthority_server.config.settings import Settings

_ADDRESSES = ("database_url", "redis_url")


def render_settings(settings: Settings) -> Table:
    """Each setting with its value, secrets masked, and where it came from."""
    # Folded rather than cut: in a narrow terminal, or a pipe, all of a value still shows.
    table = Table("Setting", Column("Value", overflow="fold"), Column("From", overflow="fold"))
    for name in Settings.model_fields:
        # As Text: a value such as [::1] is no markup.
        table.add_row(
            name.upper(), Text(_shown(name, getattr(settings, name))), Text(settings.origin(name))
        )
    return table


def _shown(name: str, value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if value is None or value == SecretStr(""):
        return "not set"
    if not isinstance(value, SecretStr):
        return str(value)
    return masked(value.get_secret_value()) if name in _ADDRESSES else "********"
