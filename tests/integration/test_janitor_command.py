"""`tokenauthority janitor --once`, as cron runs it."""

import os
import pty
import re
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from support.commands import HERE, ROOT, environment, run
from support.leftovers import left, litter
from support.postgres import Connection, Databases

from tokenauthority_server import janitor
from tokenauthority_server.config import load_settings
from tokenauthority_server.domain.upkeep import Leftover
from tokenauthority_server.services.upkeep import BATCH

PROGRAM = HERE / "tokenauthority"
MANY = 2_345


def removed(text: str) -> Mapping[str, int]:
    """The rows of the table by their first column."""
    rows = re.findall(r"[│|] ([a-z ]+?) +[│|] +(\d+) [│|]", text)
    return {name: int(count) for name, count in rows}


async def test_it_removes_what_matters_no_more_and_tells_what_it_was(
    database: Connection, database_url: str
) -> None:
    await litter(database, MANY)

    # It needs no other setting, and none of the others can be in its way.
    settings = {"DATABASE_URL": database_url, "KEY_ENCRYPTION_KEY": "c2hvcnQ="}
    first = run(PROGRAM, "janitor", "--once", settings=settings)
    second = run(PROGRAM, "janitor", "--once", settings=settings)

    assert first.code == second.code == 0, first.text + second.text
    names = {what.value.replace("_", " ") for what in Leftover}
    assert removed(first.text) == dict.fromkeys(names, MANY)
    assert removed(second.text) == dict.fromkeys(names, 0)
    assert await left(database) == dict.fromkeys(Leftover, 0)


async def test_how_long_the_audit_trail_is_kept_is_a_setting(
    database: Connection, database_url: str
) -> None:
    await litter(database, 10)

    done = run(
        PROGRAM, "janitor", "--once", settings={"DATABASE_URL": database_url, "AUDIT_DAYS": "500"}
    )

    assert removed(done.text)["audit events"] == removed(done.text)["token metrics"] == 0
    assert removed(done.text)["sessions"] == 10


async def test_where_somebody_watches_it_shows_how_far_it_is(
    database: Connection, database_url: str
) -> None:
    await litter(database, MANY)

    shown = watched({"DATABASE_URL": database_url, "TERM": "xterm"})

    assert f"{len(Leftover) * MANY} rows removed" in shown
    assert f" {MANY} " in shown


async def test_where_nobody_watches_it_writes_a_line_for_each_pass(
    database: Connection, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await litter(database, MANY)
    monkeypatch.setattr(janitor, "PASS_SECONDS", 0)
    settings = load_settings({"DATABASE_URL": database_url}, Path("no .env file"), mode="janitor")
    written = StringIO()

    await janitor.sweep(settings, Console(file=written))

    kinds = len(Leftover)
    assert written.getvalue().splitlines()[:2] == [
        f"{kinds * BATCH} rows removed so far",
        f"{kinds * 2 * BATCH} rows removed so far",
    ]
    assert removed(written.getvalue())["facts"] == MANY


def watched(settings: Mapping[str, str]) -> str:
    """Run the command in a terminal and return what it showed there."""
    ours, its = pty.openpty()
    process = subprocess.Popen(  # noqa: S603 - our own command
        [PROGRAM, "janitor", "--once"],
        cwd=ROOT,
        env=environment(settings),
        stdout=its,
        stderr=its,
    )
    os.close(its)
    shown = b""
    # What it shows must not fill the terminal; reading fails when it has ended.
    with suppress(OSError):
        while more := os.read(ours, 65_536):
            shown += more
    os.close(ours)
    assert process.wait(10) == 0
    return shown.decode()


def test_without_once_it_says_what_to_do() -> None:
    done = run(PROGRAM, "janitor")

    assert done.code == 2
    assert "Give --once" in done.text
    assert "`tokenauthority serve`" in done.text


def test_without_a_database_it_says_which_setting() -> None:
    done = run(PROGRAM, "janitor", "--once")

    assert done.code == 2
    assert done.text.startswith("DATABASE_URL: is required by janitor.")


def test_a_database_that_is_away_is_one_line() -> None:
    done = run(
        PROGRAM,
        "janitor",
        "--once",
        settings={"DATABASE_URL": "postgresql://ann:hidden@127.0.0.1:1/none"},
    )

    assert done.code == 1
    assert done.text.count("\n") == 1
    assert done.text.startswith("PostgreSQL is unavailable (")
    assert "hidden" not in done.text


async def test_a_schema_that_is_missing_is_told(databases: Databases) -> None:
    async with databases.empty() as url:
        done = run(PROGRAM, "janitor", "--once", settings={"DATABASE_URL": url})

    assert done.code == 1
    assert "run `tokenauthority migrate`" in done.text
    assert done.text.count("\n") == 1


def test_its_settings_can_be_checked(database_url: str) -> None:
    done = run(PROGRAM, "check-config", "janitor", settings={"DATABASE_URL": database_url})

    assert done.code == 0
    assert "AUDIT_DAYS" in done.text
