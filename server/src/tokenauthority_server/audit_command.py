"""`tokenauthority audit`: the audit trail, for whoever has the database's address."""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from rich.console import Console
from rich.text import Text

from tokenauthority_server.adapters.postgres.audit_trail import PostgresAuditTrail
from tokenauthority_server.adapters.postgres.database import Database
from tokenauthority_server.adapters.postgres.revision import check_revision
from tokenauthority_server.config import Settings
from tokenauthority_server.domain.admin_ports import AuditTrail
from tokenauthority_server.domain.audit import AuditEvent, AuditFilter, AuditNote
from tokenauthority_server.domain.errors import StartError, StoreUnavailableError
from tokenauthority_server.domain.sessions import Origin

AT_ONCE: Final = 500
POLL_SECONDS: Final = 1.0

RUSH: Final = 100_000
"""Events that may come while it follows, from one look to the next, and be shown all the same."""

LATE: Final = timedelta(seconds=10)
"""An event may be seen this much later than the time that it bears: its change was under way."""

Pause = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What is to be read: at most so many events, in which form, and whether to go on."""

    wanted: AuditFilter
    limit: int
    as_json: bool = False
    follow: bool = False


async def read(
    settings: Settings, console: Console, reading: Reading, pause: Pause = asyncio.sleep
) -> None:
    """Print the events, the newest last as in a log; raise StartError.

    That it was read is an event too, written before anything is printed. With `follow` it ends when
    it is cancelled.
    """
    database = Database(settings.database_url.get_secret_value())
    await database.open()
    try:
        check_revision(await database.revision())
        trail = PostgresAuditTrail(database)
        events = await _last(trail, reading.wanted, reading.limit)
        await trail.note(_note(reading.wanted), _origin())
        _print(console, events, as_json=reading.as_json)
        if reading.follow:
            await _follow(trail, console, reading, events, pause)
    except StoreUnavailableError as error:
        why = f" ({error.why})" if error.why else ""
        origin = settings.origin("database_url")
        raise StartError(f"{error}{why}: the one of DATABASE_URL, from {origin}.") from error
    finally:
        await database.close()


async def _last(trail: AuditTrail, wanted: AuditFilter, limit: int) -> list[AuditEvent]:
    """Return the last events, oldest first."""
    events: list[AuditEvent] = []
    before: str | None = ""
    while before is not None and len(events) < limit:
        page = await trail.page(wanted, min(AT_ONCE, limit - len(events)), before)
        events += page.events
        before = page.cursor
    return events[::-1]


async def _follow(
    trail: AuditTrail,
    console: Console,
    reading: Reading,
    events: Sequence[AuditEvent],
    pause: Pause,
) -> None:
    known = {one.event_id for one in events}
    since = events[-1].time if events else datetime.now(UTC)
    while True:
        await pause(POLL_SECONDS)
        start = max(since - LATE, reading.wanted.start_time or since - LATE)
        found = await _last(trail, replace(reading.wanted, start_time=start), RUSH)
        _print(
            console,
            [one for one in found if one.event_id not in known],
            as_json=reading.as_json,
        )
        # What is older than that is not found again.
        known = {one.event_id for one in found} or known
        since = max([since, *(one.time for one in found)])


def _note(wanted: AuditFilter) -> AuditNote:
    details = {
        "kinds": " ".join(wanted.kinds),
        "start_time": wanted.start_time.isoformat() if wanted.start_time else "",
        "end_time": wanted.end_time.isoformat() if wanted.end_time else "",
    }
    return AuditNote(
        kind="admin.list_audit_events",
        user_id=wanted.user_id,
        session_id=wanted.session_id,
        details={name: value for name, value in details.items() if value},
    )


def _origin() -> Origin:
    return Origin(caller=f"tokenauthority audit (uid {os.getuid()})")


def _print(console: Console, events: Sequence[AuditEvent], *, as_json: bool) -> None:
    for event in events:
        told = json.dumps(_members(event)) if as_json else _line(event)
        console.print(Text(told), soft_wrap=True)


def _members(event: AuditEvent) -> dict[str, object]:
    return {
        "event_id": event.event_id,
        "time": event.time.astimezone(UTC).isoformat(),
        "kind": event.kind,
        "caller": event.caller,
        "user_id": event.user_id,
        "session_id": event.session_id,
        "device_id": event.device.device_id,
        "user_agent": event.device.user_agent,
        "ip_address": event.device.ip_address,
        "outcome": event.outcome,
        "reason": event.reason,
        "request_id": event.request_id,
        "details": dict(event.details),
    }


def _line(event: AuditEvent) -> str:
    time = event.time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    members = _members(event)
    named = {name: members[name] for name in _NAMED if members[name]} | dict(event.details)
    rest = " ".join(f"{_plain(name)}={_shown(value)}" for name, value in named.items())
    return f"{time}Z {_plain(event.kind)} {_plain(event.outcome)} {rest}".rstrip()


_NAMED: Final = (
    "caller",
    "user_id",
    "session_id",
    "device_id",
    "ip_address",
    "user_agent",
    "reason",
    "request_id",
)


def _shown(value: object) -> str:
    text = str(value)
    return _plain(text) if text and " " not in text and '"' not in text else json.dumps(text)


def _plain(text: str) -> str:
    """Return the text as it may stand on a terminal: callers chose it, and some are strangers."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text)
