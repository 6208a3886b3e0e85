"""`tokenauthority audit`: the trail on a terminal, which no event can spoil."""

import asyncio
import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console
from support.authority import NO_FILE, Served
from support.callers import ANN, BEN, LAPTOP
from support.commands import HERE, Finished, run
from support.postgres import Connection

from tokenauthority_client import Device
from tokenauthority_server.audit_command import AT_ONCE, Reading, read
from tokenauthority_server.config import Settings, load_settings
from tokenauthority_server.domain.audit import AuditFilter
from tokenauthority_server.domain.errors import StartError


class EnoughError(Exception):
    """In place of Ctrl-C."""


async def command(database_url: str, *arguments: str) -> Finished:
    """Run it while the loop goes on: an authority in this process must not be held up."""
    given = {"DATABASE_URL": database_url}
    return await asyncio.to_thread(
        run, HERE / "tokenauthority", "audit", *arguments, settings=given
    )


def settings_of(database_url: str) -> Settings:
    return load_settings({"DATABASE_URL": database_url}, NO_FILE, mode="audit")


def kinds(done: Finished) -> list[str]:
    assert done.code == 0, done.text
    return [line.split()[2] for line in done.text.splitlines()]


async def test_events_are_read_by_what_they_are(authority: Served, database_url: str) -> None:
    pair = await authority.client.create_pair(ANN, device=LAPTOP)
    await authority.client.create_pair(BEN)
    await authority.client.revoke_session(pair.session_id)
    # Oldest first, as in a log; the first two are of one change.
    found = kinds(await command(database_url, "--user", "u-ann"))
    assert sorted(found[:2]) == ["session.created", "user.created"]
    assert found[2:] == ["session.revoked"]
    assert kinds(await command(database_url, "--session", pair.session_id)) == [
        "session.created",
        "session.revoked",
    ]
    both = ("--kind", "session.revoked", "--kind", "user.created")
    assert sorted(kinds(await command(database_url, *both))) == [
        "session.revoked",
        "user.created",
        "user.created",
    ]
    last = ("--user", "u-ben", "--limit", "1", "--since", "1h", "--until", "2100-01-01")
    assert len(kinds(await command(database_url, *last))) == 1
    assert kinds(await command(database_url, "--until", "2020-01-31T12:00")) == []
    of_one = ("--session", pair.session_id, "--kind", "session.revoked")
    (line,) = (await command(database_url, *of_one)).text.splitlines()
    assert "session.revoked OK" in line
    assert f"session_id={pair.session_id}" in line
    assert "reason=LOGOUT" in line


async def test_reading_is_an_event(
    authority: Served, database_url: str, database: Connection
) -> None:
    del authority
    await command(database_url, "--user", "u-1", "--kind", "k", "--since", "2026-01-01")
    row = await database.fetchrow(
        "SELECT caller, user_id, details::text FROM tokenauthority.audit_events"
        " WHERE kind = 'admin.list_audit_events'"
    )
    assert row is not None
    assert row["caller"].startswith("tokenauthority audit (uid ")
    assert row["user_id"] == "u-1"
    assert json.loads(row["details"]) == {"kinds": "k", "start_time": "2026-01-01T00:00:00+00:00"}


async def test_nothing_in_an_event_reaches_a_terminal_as_it_is(
    authority: Served, database_url: str, database: Connection
) -> None:
    hostile = Device(device_id="[red]x[/red] \x1b]0;title\x07", user_agent='a "b"\x1b[2J\r\nfaked')
    await authority.client.create_pair(ANN, device=hostile)
    text = (await command(database_url, "--kind", "session.created")).text
    assert len(text.splitlines()) == 1
    await database.execute(
        "INSERT INTO tokenauthority.audit_events (user_id, event_id, kind, details) VALUES"
        " ('', tokenauthority.event_id_v1(), 'by hand', jsonb_build_object(E'\x1b[2J', E'\x1b[2J'))"
    )
    text += (await command(database_url, "--kind", "by hand")).text
    assert "by hand" in text
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "[red]x[/red]" in text
    done = await command(database_url, "--kind", "session.created", "--json")
    (line,) = done.text.splitlines()
    event = json.loads(line)
    assert (event["device_id"], event["user_agent"]) == (hostile.device_id, hostile.user_agent)
    assert event["kind"] == "session.created"
    assert datetime.fromisoformat(event["time"]) <= datetime.now(UTC)


async def test_following_shows_each_event_once(authority: Served, database_url: str) -> None:
    screen = io.StringIO()
    pauses = 0

    async def pause(_: float) -> None:
        nonlocal pauses
        pauses += 1
        if pauses <= 3:
            await authority.client.create_pair(ANN)
        elif pauses == 6:
            raise EnoughError

    reading = Reading(
        wanted=AuditFilter(kinds=("session.created",)), limit=10, as_json=True, follow=True
    )
    await authority.client.create_pair(ANN)
    with pytest.raises(EnoughError):
        await read(settings_of(database_url), Console(file=screen), reading, pause)
    ids = [json.loads(line)["event_id"] for line in screen.getvalue().splitlines()]
    assert len(ids) == len(set(ids)) == 4
    assert ids == sorted(ids)


async def test_following_from_nothing_and_from_a_time(authority: Served, database_url: str) -> None:
    screen = io.StringIO()
    pauses = 0

    async def pause(_: float) -> None:
        nonlocal pauses
        pauses += 1
        if pauses == 1:
            await authority.client.create_pair(ANN)
        if pauses == 4:
            raise EnoughError

    wanted = AuditFilter(
        kinds=("session.created",), start_time=datetime.now(UTC) - timedelta(seconds=5)
    )
    with pytest.raises(EnoughError):
        await read(
            settings_of(database_url),
            Console(file=screen, width=200),
            Reading(wanted=wanted, limit=10, follow=True),
            pause,
        )
    assert screen.getvalue().count("session.created OK") == 1


async def test_following_leaves_out_nothing_of_a_rush(
    authority: Served, database_url: str, database: Connection
) -> None:
    del authority
    screen = io.StringIO()
    pauses = 0

    async def pause(_: float) -> None:
        nonlocal pauses
        pauses += 1
        if pauses == 2:
            raise EnoughError
        await database.execute(
            "INSERT INTO tokenauthority.audit_events (user_id, event_id, kind)"
            " SELECT 'u-' || n, tokenauthority.event_id_v1(), 'rush'"
            " FROM generate_series(1, $1) AS n",
            2 * AT_ONCE,
        )

    reading = Reading(wanted=AuditFilter(kinds=("rush",)), limit=10, follow=True)
    with pytest.raises(EnoughError):
        await read(settings_of(database_url), Console(file=screen), reading, pause)
    assert len(screen.getvalue().splitlines()) == 2 * AT_ONCE


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--since", "yesterday"), "--since is no time."),
        (("--until", "2026-13-01"), "--until is no time."),
        (("--since", "999999d"), "--since is no time."),
        (("--since", "1h", "--until", "2h"), "--until is not after --since."),
        (("--limit", "0"), "Invalid value for '--limit'"),
        (("--user", "\udcff"), "is no text in UTF-8"),
        (("--session", "\udcff"), "is no text in UTF-8"),
        (("--kind", "\udcff"), "is no text in UTF-8"),
    ],
)
async def test_a_bad_call_is_told_in_a_line(
    database_url: str, arguments: tuple[str, ...], told: str
) -> None:
    done = await command(database_url, *arguments)
    assert done.code == 2
    assert told in done.text


async def test_a_store_that_is_away_is_told() -> None:
    settings = settings_of("postgresql://u:hunter2@127.0.0.1:1/d")
    with pytest.raises(StartError, match="PostgreSQL is unavailable") as error:
        await read(settings, Console(), Reading(wanted=AuditFilter(), limit=1))
    assert "hunter2" not in str(error.value)
