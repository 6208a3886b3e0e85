"""Every value of a TOML document is found on its line, however the document is written."""

import tomllib
from typing import Any

import pytest

from tokenauthority_server.adapters.callers.toml_lines import lines_of

TRICKY = '''# [callers.commented]
top = "a # no comment"   # a "comment
[ callers . "wakedock.api" ]  # [nothing]
uri = 'spiffe://a/[b]'
"quoted \\u0041 key" = 1
rpcs = [  # "not an element"
  "TokenService",

  # ["nor this"]
  "[callers.fake]", "two = on a line",
  ["inner", "list"], { a = "x", b = ["y"] },
]
text = """
[callers.fake]
uri = "spiffe://fake"
three \\""" quotes""""
literal = \'\'\'
[callers.fake2]\'\'\'\'\'
dotted.key."with.dots" = true
empty = ""
none = \'\'
array = []
number = 1979-05-27 07:32:00
[callers.b]
rpcs = ["one",
"two"]
rates = { "A/B" = "1/s" }
[callers."wakedock.api".rates]
'A/B' = "20/s"
[[many]]
x = 1
[[many]]
x = 2'''


def test_every_value_is_found() -> None:
    assert tomllib.loads(TRICKY)
    api = ("callers", "wakedock.api")
    assert lines_of(TRICKY) == {
        ("top",): 2,
        ("callers",): 3,
        api: 3,
        (*api, "uri"): 4,
        (*api, "quoted A key"): 5,
        (*api, "rpcs"): 6,
        (*api, "rpcs", 0): 7,
        (*api, "rpcs", 1): 10,
        (*api, "rpcs", 2): 10,
        (*api, "rpcs", 3): 11,
        (*api, "rpcs", 4): 11,
        (*api, "text"): 13,
        (*api, "literal"): 17,
        (*api, "dotted"): 19,
        (*api, "dotted", "key"): 19,
        (*api, "dotted", "key", "with.dots"): 19,
        (*api, "empty"): 20,
        (*api, "none"): 21,
        (*api, "array"): 22,
        (*api, "number"): 23,
        ("callers", "b"): 24,
        ("callers", "b", "rpcs"): 25,
        ("callers", "b", "rpcs", 0): 25,
        ("callers", "b", "rpcs", 1): 26,
        ("callers", "b", "rates"): 27,
        (*api, "rates"): 28,
        (*api, "rates", "A/B"): 29,
        ("many",): 30,
        ("many", "x"): 31,
    }


def paths(table: dict[str, Any], before: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    found = {(*before, name) for name in table}
    for name, value in table.items():
        if isinstance(value, dict):
            found |= paths(value, (*before, name))
    return found


def test_it_finds_what_the_library_finds() -> None:
    without = TRICKY.replace('{ "A/B" = "1/s" }', "1").partition("[[many]]")[0]
    found = {path for path in lines_of(without) if not isinstance(path[-1], int)}
    assert found == paths(tomllib.loads(without))


@pytest.mark.parametrize("document", ["", "\n\n", "# nothing", "   \n\t# a\n"])
def test_nothing_is_nowhere(document: str) -> None:
    assert lines_of(document) == {}


def test_what_is_no_document_is_refused() -> None:
    with pytest.raises(ValueError, match="no TOML"):
        lines_of('a = "b')


def test_a_long_document_takes_no_longer_than_its_length() -> None:
    document = "".join(f'[callers.c{n}]\nrpcs = ["{"x" * 200}"]\n' for n in range(2000))
    lines = lines_of(document)
    assert lines["callers", "c1999", "rpcs", 0] == 4000
