"""From lines of CSV or JSON to records: what is none is told, and nothing of it is quoted."""

import io

import pytest

from tokenauthority_server.users_command.lines import read_lines
from tokenauthority_server.users_command.records import (
    Format,
    Record,
    UnfitFileError,
    format_of,
    read_records,
)

SECRET = "$2b$12$" + "s" * 53


def records(text: str, form: Format = Format.CSV) -> list[Record]:
    return list(read_records(read_lines(io.BytesIO(text.encode("utf-8"))), form))


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("u.csv", Format.CSV),
        ("U.CSV", Format.CSV),
        ("a/b.jsonl", Format.JSONL),
        ("x.ndjson", "jsonl"),
    ],
)
def test_the_suffix_tells_the_format(name: str, form: Format) -> None:
    assert format_of(name) is Format(form)


@pytest.mark.parametrize("name", ["-", "users", "users.json", "users.csv.gz"])
def test_any_other_suffix_tells_nothing(name: str) -> None:
    with pytest.raises(UnfitFileError, match="--format") as refused:
        format_of(name)
    assert refused.value.exit_code == 2


def test_csv_has_quotes_and_commas() -> None:
    text = 'username,id,roles\r\nann,1,"a;b"\r\n"b,""en",2,"[""x""]"\n'
    assert records(text) == [
        Record(2, {"username": "ann", "id": "1", "roles": "a;b"}),
        Record(3, {"username": 'b,"en', "id": "2", "roles": '["x"]'}),
    ]


def test_a_quote_too_many_spoils_its_own_line() -> None:
    bad, short, good = records('id,username\n1,"ann\n2\n3,"ben"\n')
    assert bad == Record(2, problem="is no line of CSV: look at its quotes")
    assert short == Record(3, problem="has 1 fields, and the heading 2")
    assert good == Record(4, {"id": "3", "username": "ben"})


def test_an_empty_file_has_no_records() -> None:
    assert records("") == []
    assert records("", Format.JSONL) == []


@pytest.mark.parametrize(
    ("heading", "told"),
    [
        (f"1,ann,{SECRET}", "Of its 3, these are none: 1, 2, 3"),
        ("id;username", "Of its 1, these are none: 1"),
        ("id,username,pasword_hash", "these are none: 3"),
        ("id,email", "username is missing"),
        ("username", "id is missing"),
        ("id,username,id", "one is there twice"),
        ('id,"username', "is no line of CSV"),
        ("x" * 70_000, "has more than"),
    ],
)
def test_a_heading_must_name_the_columns(heading: str, told: str) -> None:
    with pytest.raises(UnfitFileError) as refused:
        records(f"{heading}\n1,ann\n")
    assert told in str(refused.value)
    assert SECRET not in str(refused.value)


def test_lines_of_csv_that_are_none() -> None:
    long, text = records("id,username\n" + "x" * 70_000 + "\n1,ann\n")
    assert long.problem.startswith("has more than")
    assert text.members == {"id": "1", "username": "ann"}


def test_lines_of_json() -> None:
    text = '{"id": 1, "username": "ann", "active": null}\n\n{"roles": ["a"]}'
    assert records(text, Format.JSONL) == [
        Record(1, {"id": 1, "username": "ann", "active": None}),
        Record(3, {"roles": ["a"]}),
    ]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "is no JSON object with each member once"),
        ('{"id": "1", "id": "2"}', "is no JSON object with each member once"),
        ('{"id": NaN}', "is no JSON object with each member once"),
        ('{"id": ' + "9" * 5_000 + "}", "is no JSON object with each member once"),
        ("[" * 60_000, "is no JSON object with each member once"),
        ('{"id": ' + "[" * 30_000, "is no JSON object with each member once"),
        ("[1]", "is no JSON object"),
        ('"id"', "is no JSON object"),
        ('{"id": 1, "password": "secret"}', "has members that are none of id, username"),
        ("x" * 70_000, "has more than"),
    ],
)
def test_lines_of_json_that_are_none(line: str, told: str) -> None:
    bad, good = records(f'{line}\n{{"id": 2}}', Format.JSONL)
    assert bad.problem.startswith(told)
    assert "secret" not in bad.problem
    assert good == Record(2, {"id": 2})
