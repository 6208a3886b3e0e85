"""`tokenauthority audit`: see audit_command, which does it."""

import asyncio
import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import typer

from tokenauthority_server.commands.arguments import unicode
from tokenauthority_server.commands.settings import WRONG_CONFIGURATION, settings_for

_AGO: Final = re.compile(r"([0-9]{1,6})([smhd])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_WHEN: Final = "A time as 2026-01-31 or 2026-01-31T12:00 (UTC), or how long ago, as 90m, 24h or 7d."


def audit(  # noqa: PLR0913 - options
    *,
    user: Annotated[
        str, typer.Option(help="Events that concern this user, by id.", callback=unicode)
    ] = "",
    session: Annotated[
        str, typer.Option(help="Events that concern this session.", callback=unicode)
    ] = "",
    kind: Annotated[
        list[str] | None,
        typer.Option(help="Events of this kind; may be given several times.", callback=unicode),
    ] = None,
    since: Annotated[str, typer.Option(help=f"Events from then on. {_WHEN}")] = "",
    until: Annotated[str, typer.Option(help="Events before then.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help="The last so many.")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="A line of JSON for each.")] = False,
    follow: Annotated[bool, typer.Option("--follow", help="Go on until Ctrl-C.")] = False,
) -> None:
    """Print the audit trail, the newest event last. That it was read is an event too."""
    start, end = _time("--since", since), _time("--until", until)
    if start and end and end <= start:
        typer.echo("--until is not after --since.", err=True)
        raise typer.Exit(WRONG_CONFIGURATION)
    settings = settings_for("audit")
    from rich.console import Console

    from tokenauthority_server.audit_command import Reading, read
    from tokenauthority_server.domain.audit import AuditFilter

    wanted = AuditFilter(
        user_id=user,
        session_id=session,
        kinds=tuple(kind or ()),
        start_time=start,
        end_time=end,
    )
    reading = Reading(wanted=wanted, limit=limit, as_json=as_json, follow=follow)
    with suppress(KeyboardInterrupt):
        asyncio.run(read(settings, Console(), reading))


def _time(option: str, text: str) -> datetime | None:
    if not text:
        return None
    ago = _AGO.fullmatch(text)
    try:
        if ago:
            return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        time = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        typer.echo(f"{option} is no time. {_WHEN}", err=True)
        raise typer.Exit(WRONG_CONFIGURATION) from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)
