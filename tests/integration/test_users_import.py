"""`tokenauthority users import`, as people run it."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console
from support.authority import KEY, NO_FILE
from support.commands import HERE, Finished, run
from support.postgres import Connection

from tokenauthority_server.config import Settings, load_settings
from tokenauthority_server.domain.errors import StartError
from tokenauthority_server.propagation import LATER
from tokenauthority_server.users_command.records import Format, UnfitFileError
from tokenauthority_server.users_command.report import LINES_A_TELLING, SHOWN
from tokenauthority_server.users_command.take_over import Import, take_over

HASH = "$2b$12$" + "." * 53
CSV = f"""\ufeffid,username,email,password_hash,roles,permissions,active\r
1,ann,ann@example.com,{HASH},"[""admin"",""author""]",read;write,true\r
2,"ben, jr",,,,,false\r
\r
3,ann,,,,,\r
1,other,,,,,\r
4,cat,,$2b$31${"b" * 53},,,\r
5,"dora\r
6,eve,,,,,\r
"""
TOLD = [
    "line 5: username is that of line 2",
    "line 6: id is that of line 2",
    "line 7: password_hash has a cost of 31; at most 13 is ever checked",
    "line 8: is no line of CSV: look at its quotes",
]


@pytest.fixture
def settings(database_url: str) -> Settings:
    given = {"DATABASE_URL": database_url, "KEY_ENCRYPTION_KEY": KEY}
    return load_settings(given, NO_FILE, mode="users")


@pytest.fixture
def users(tmp_path: Path) -> Path:
    path = tmp_path / "users.csv"
    path.write_text(CSV, "utf-8")
    return path


def command(database_url: str, *arguments: str | Path, **others: str) -> Finished:
    given = {"DATABASE_URL": database_url, "KEY_ENCRYPTION_KEY": KEY, **others}
    return run(HERE / "tokenauthority", "users", "import", *arguments, settings=given)


def counts(text: str) -> dict[str, int]:
    """The numbers of the table, by the first word of their line."""
    lines = [line.replace("│", " ").split() for line in text.splitlines()]
    return {line[0]: int(line[-1]) for line in lines if len(line) > 1 and line[-1].isdigit()}


async def test_a_file_is_taken_over_and_again(
    database_url: str, database: Connection, users: Path, tmp_path: Path
) -> None:
    report = tmp_path / "report.txt"
    first = command(database_url, users, "--report", report)
    assert first.code == 1, first.text
    assert report.read_text().splitlines() == TOLD
    for line in TOLD:
        assert line in first.text
    assert LATER in first.text
    assert (
        counts(first.text)
        == {"created": 3, "changed": 0, "unchanged": 0, "refused": 4} | {"unchanged,": 0}
        or counts(first.text)["created"] == 3
    )
    rows = await database.fetch("SELECT * FROM tokenauthority.users ORDER BY user_id")
    assert [(row["username"], row["status"]) for row in rows] == [
        ("ann", "ACTIVE"),
        ("ben, jr", "DISABLED"),
        ("eve", "ACTIVE"),
    ]
    assert rows[0]["roles"] == ["admin", "author"]
    assert rows[0]["permissions"] == ["read", "write"]
    assert [row["password_hash"] for row in rows] == [HASH, None, None]

    again = command(database_url, users)
    assert again.code == 1
    assert (counts(again.text)["created"], counts(again.text)["refused"]) == (0, 4)
    assert "key signs" not in first.text  # what a server would log is not for here
    for text in (first.text, again.text, report.read_text()):
        assert "aaaa" not in text
        assert "bbbb" not in text
        assert "ann@" not in text
    callers = await database.fetch("SELECT DISTINCT caller FROM tokenauthority.audit_events")
    assert {row["caller"].partition(" (uid")[0] for row in callers} == {
        "tokenauthority users",
        "rotation",
    }
    details = await database.fetch(
        "SELECT details::text FROM tokenauthority.audit_events"
        " WHERE kind = 'admin.import_users' ORDER BY event_id"
    )
    assert [json.loads(row["details"]) for row in details] == [
        {"created": "3", "refused": "4"},
        {"unchanged": "3", "refused": "4"},
    ]


async def test_with_the_log_the_servers_are_told_at_once(
    database_url: str, redis_url: str, users: Path
) -> None:
    done = command(database_url, users, REDIS_URL=redis_url)
    assert counts(done.text)["created"] == 3
    assert LATER not in done.text


async def test_a_dry_run_is_one(database_url: str, database: Connection, users: Path) -> None:
    done = command(database_url, users, "--dry-run")
    assert done.code == 1
    assert counts(done.text)["created"] == 3
    assert "This was a dry run: nothing was changed." in done.text
    assert LATER not in done.text
    assert await database.fetchval("SELECT count(*) FROM tokenauthority.users") == 0


async def test_lines_of_json_from_standard_input(
    settings: Settings, database: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [{"id": 1, "username": "ann"}, {"id": 2, "username": "ben", "roles": ["a"]}]
    content = "".join(f"{json.dumps(one)}\n" for one in lines).encode()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
    screen = io.StringIO()
    wanted = Import(file="-", form=Format.JSONL)
    assert await take_over(settings, Console(file=screen, width=100), wanted)
    assert counts(screen.getvalue())["created"] == 2
    assert await database.fetchval("SELECT count(*) FROM tokenauthority.users") == 2


@pytest.mark.parametrize("is_terminal", [True, False])
async def test_how_far_it_is_can_be_watched(
    settings: Settings, tmp_path: Path, *, is_terminal: bool
) -> None:
    # A record in ten thousand; the rest are lines that are refused, which is quicker.
    path = tmp_path / "users.jsonl"
    path.write_bytes(b"x\n" * LINES_A_TELLING + b'{"id": 1, "username": "ann"}\n')
    screen = io.StringIO()
    console = Console(file=screen, width=100, force_terminal=is_terminal)
    assert not await take_over(settings, console, Import(file=str(path)))
    text = screen.getvalue()
    assert f"and {LINES_A_TELLING - SHOWN} refused lines more; --report FILE writes" in text
    watched = f"{LINES_A_TELLING} lines so far"
    assert (watched in text) is not is_terminal
    assert ("of them refused" in text) is is_terminal


async def test_only_the_refused_lines_of_a_big_file_are_kept(
    settings: Settings, tmp_path: Path
) -> None:
    report = tmp_path / "report.txt"
    path = tmp_path / "users.jsonl"
    path.write_bytes(b"x\n" * (SHOWN + 1))
    screen = io.StringIO()
    wanted = Import(file=str(path), report=report)
    assert not await take_over(settings, Console(file=screen, width=100), wanted)
    assert len(report.read_text().splitlines()) == SHOWN + 1
    assert "and 1 refused lines more\n" in screen.getvalue()


async def test_no_report_is_written_over_the_file_itself(
    settings: Settings, users: Path, tmp_path: Path
) -> None:
    link = tmp_path / "report.txt"
    link.symlink_to(users)
    for report in (users, link):
        with pytest.raises(UnfitFileError, match="is the file itself"):
            await take_over(settings, Console(), Import(file=str(users), report=report))
    screen = io.StringIO()
    assert not await take_over(settings, Console(file=screen), Import(file=str(users)))
    assert counts(screen.getvalue())["created"] == 3


async def test_a_report_for_which_there_is_no_space_is_told(
    settings: Settings, users: Path
) -> None:
    with pytest.raises(StartError, match=r"No space left on device\. What was done stays done"):
        await take_over(settings, Console(), Import(file=str(users), report=Path("/dev/full")))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("nowhere.csv",), "nowhere.csv cannot be read: No such file or directory."),
        (("users.txt",), "users.txt: the suffix is none of .csv, .jsonl, .ndjson."),
        (("-",), "Say --format csv or jsonl."),
        (("-", "--format", "xml"), "--format is csv or jsonl."),
        (("-", "--format", "csv", "--report", "/nowhere/r"), "/nowhere/r cannot be written"),
        ((), "Missing argument"),
    ],
)
def test_a_bad_call_is_told_in_a_line(
    database_url: str, arguments: tuple[str, ...], told: str
) -> None:
    done = command(database_url, *arguments)
    assert done.code == 2
    assert told in done.text
    assert "Traceback" not in done.text


def test_a_file_without_a_heading_is_told_and_not_shown(database_url: str, tmp_path: Path) -> None:
    path = tmp_path / "users.csv"
    path.write_text(f"1,ann,ann@example.com,{HASH}\n")
    done = command(database_url, path)
    assert done.code == 2
    assert "The first line must name the columns" in done.text
    assert "aaaa" not in done.text
    assert "ann@" not in done.text


def test_what_a_command_needs_is_told(tmp_path: Path) -> None:
    done = run(HERE / "tokenauthority", "users", "import", "u.csv", folder=tmp_path)
    assert done.code == 2
    assert "DATABASE_URL: is required by users" in done.text
    assert "KEY_ENCRYPTION_KEY: is required by users" in done.text


async def test_a_store_that_is_away_is_told(tmp_path: Path) -> None:
    path = tmp_path / "users.csv"
    path.write_text("id,username\n")
    given = {"DATABASE_URL": "postgresql://u:hunter2@127.0.0.1:1/d", "KEY_ENCRYPTION_KEY": KEY}
    with pytest.raises(StartError, match="PostgreSQL is unavailable") as error:
        await take_over(
            load_settings(given, NO_FILE, mode="users"), Console(), Import(file=str(path))
        )
    assert "hunter2" not in str(error.value)
