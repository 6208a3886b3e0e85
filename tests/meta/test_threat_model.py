"""The threat model names tests that are there, and leaves out no attack by tokens or on keys."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "threat-model.md").read_text("utf-8")
# By the numbers of docs/reliability.md: 1 to 12 are by tokens, 33 is on the life of keys, 35 to 37
# are by callers, 38 and 39 by connections and calls.
ROWS = {*range(1, 13), 33, *range(35, 40)}

Row = tuple[str, ...]


def tables_of_attacks() -> list[Row]:
    rows: list[Row] = []
    inside = False
    for line in PAGE.splitlines():
        cells = tuple(cell.strip() for cell in line.strip("|").split(" | "))
        if not line.startswith("|"):
            inside = False
        elif cells[-1] == "tested in":
            inside = True
        elif inside and not line.startswith("| ---"):
            rows.append(cells)
    return rows


ATTACKS = tables_of_attacks()


def test_every_test_that_is_named_exists() -> None:
    named = {one for quoted in re.findall(r"`([^`]+)`", PAGE) for one in quoted.split()}
    paths = {one for one in named if one.startswith("tests/")}
    assert len(paths) > len(ROWS)
    assert {path for path in paths if not (ROOT / path).is_file()} == set()
    # A test by its name alone cannot be looked for.
    assert {one for one in named if re.match(r"test_\w+", one)} == set()


def test_every_attack_is_there() -> None:
    numbered = {int(row[0]) for row in ATTACKS if row[0].isdecimal()}
    assert numbered >= ROWS


def test_every_attack_is_tested() -> None:
    assert {row for row in ATTACKS if len(row) != 4 or "`tests/" not in row[-1]} == set()
