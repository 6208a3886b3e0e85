"""The lines of a file that may hold anything."""

import io

import pytest

from tokenauthority_server.users_command.lines import LONGEST, FileLine, read_lines


def lines(content: bytes) -> list[FileLine]:
    return list(read_lines(io.BytesIO(content)))


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
def test_lines_are_numbered_and_bare(start: bytes, end: bytes) -> None:
    content = start + end.join([b"one", b"", "zw\u00f6lf".encode(), b"  "]) + end + b"last"
    assert lines(content) == [FileLine(1, "one"), FileLine(3, "zw\u00f6lf"), FileLine(5, "last")]


@pytest.mark.parametrize("content", [b"", b"\n\n \n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n"])
def test_nothing(content: bytes) -> None:
    assert lines(content) == []


@pytest.mark.parametrize("end", [b"\n", b""])
@pytest.mark.parametrize("more", [1, LONGEST, 5 * LONGEST])
def test_a_line_that_is_too_long_is_passed_over(more: int, end: bytes) -> None:
    found = lines(b"a" * LONGEST + b"\n" + b"b" * (LONGEST + more) + end + b"c" * bool(end))
    assert found[0] == FileLine(1, "a" * LONGEST)
    assert found[1] == FileLine(2, problem=f"has more than {LONGEST} bytes")
    assert found[2:] == ([FileLine(3, "c")] if end else [])


def test_what_is_no_text_is_told() -> None:
    assert lines(b"a\n\xff\xfe\nb") == [
        FileLine(1, "a"),
        FileLine(2, problem="is not UTF-8"),
        FileLine(3, "b"),
    ]


def test_a_first_line_that_is_too_long_has_a_mark_before_it() -> None:
    assert lines(b"\xef\xbb\xbf" + b"a" * LONGEST + b"b\nc") == [
        FileLine(1, problem=f"has more than {LONGEST} bytes"),
        FileLine(2, "c"),
    ]
