"""From lines of CSV (RFC 4180) or JSON (RFC 8259) to the members of each record.

A record is one line in either format: a quoted field of CSV may hold commas and doubled quotes, but
no line break. So one quote too many spoils its own line, and not the rest of the file.
"""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import PurePath
from typing import Any, Final

from tokenauthority_server.domain.errors import StartError
from tokenauthority_server.users_command.lines import FileLine

MEMBERS: Final = ("id", "username", "email", "password_hash", "roles", "permissions", "active")
REQUIRED: Final = ("id", "username")

_SUFFIXES: Final = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
_NAMED: Final = ", ".join(MEMBERS)


class Format(StrEnum):
    """How a file holds users."""

    CSV = "csv"
    JSONL = "jsonl"


class UnfitFileError(StartError):
    """The file cannot be read as what it is said to be; the text quotes nothing of it."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Record:
    """A record by the number of its line: its members, or why it has none."""

    number: int
    members: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""


def format_of(name: str) -> Format:
    """Return the format by a file's suffix; raise UnfitFileError where it tells nothing."""
    suffix = PurePath(name).suffix.lower()
    if suffix not in _SUFFIXES:
        raise UnfitFileError(
            f"{name}: the suffix is none of {', '.join(_SUFFIXES)}. Say --format csv or jsonl."
        )
    return Format(_SUFFIXES[suffix])


def read_records(lines: Iterable[FileLine], form: Format) -> Iterator[Record]:
    """Give the record of every line; raise UnfitFileError when CSV has no good heading."""
    if form is Format.JSONL:
        return (_of_json(line) for line in lines)
    return _of_csv(iter(lines))


def _of_csv(lines: Iterator[FileLine]) -> Iterator[Record]:
    heading = next(lines, None)
    if heading is None:
        return
    columns = _columns(heading)
    for line in lines:
        if line.problem:
            yield Record(line.number, problem=line.problem)
            continue
        try:
            cells = _cells(line.text)
        except csv.Error:
            yield Record(line.number, problem="is no line of CSV: look at its quotes")
            continue
        if len(cells) == len(columns):
            yield Record(line.number, dict(zip(columns, cells, strict=True)))
        else:
            problem = f"has {len(cells)} fields, and the heading {len(columns)}"
            yield Record(line.number, problem=problem)


def _columns(heading: FileLine) -> Sequence[str]:
    told = f"The first line must name the columns, separated by commas, out of {_NAMED}"
    try:
        columns = [one.strip() for one in _cells(heading.text)]
    except csv.Error:
        columns = []
    if heading.problem or not columns:
        raise UnfitFileError(f"{told}. It {heading.problem or 'is no line of CSV'}.")
    # A file without a heading begins with a person, so nothing of it is quoted.
    unknown = [str(at) for at, one in enumerate(columns, 1) if one not in MEMBERS]
    if unknown:
        raise UnfitFileError(
            f"{told}. Of its {len(columns)}, these are none: {', '.join(unknown)}."
        )
    missing = [one for one in REQUIRED if one not in columns]
    if missing or len(set(columns)) < len(columns):
        why = f"{', '.join(missing)} is missing" if missing else "one is there twice"
        raise UnfitFileError(f"{told}. Here {why}.")
    return columns


def _cells(text: str) -> list[str]:
    (cells,) = csv.reader([text], strict=True)
    return cells


def _of_json(line: FileLine) -> Record:
    if line.problem:
        return Record(line.number, problem=line.problem)
    try:
        members = json.loads(
            line.text, object_pairs_hook=_each_once, parse_constant=_no_such_number
        )
    except (ValueError, RecursionError):
        return Record(line.number, problem="is no JSON object with each member once")
    if not isinstance(members, dict):
        return Record(line.number, problem="is no JSON object")
    if not members.keys() <= set(MEMBERS):
        return Record(line.number, problem=f"has members that are none of {_NAMED}")
    return Record(line.number, members)


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a member is there twice")
    return members


def _no_such_number(name: str) -> None:
    raise ValueError(name)
