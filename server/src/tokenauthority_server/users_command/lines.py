"""The lines of a file that may hold anything: each is bounded, and none ends the reading."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

LONGEST: Final = 64 * 1024
"""Bytes. A profile that fits a token takes an eighth of it."""

_BOM: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class FileLine:
    """A line by its number, from 1, without its end; or why it is no text."""

    number: int
    text: str = ""
    problem: str = ""


def read_lines(stream: BinaryIO) -> Iterator[FileLine]:
    """Give every line that is not blank, holding no more than one in memory."""
    number = 0
    while line := stream.readline(LONGEST + 1):
        number += 1
        if len(line) > LONGEST and not line.endswith(b"\n"):
            _skip_rest(stream)
            yield FileLine(number, problem=f"has more than {LONGEST} bytes")
            continue
        try:
            text = (line.removeprefix(_BOM) if number == 1 else line).decode("utf-8").rstrip("\r\n")
        except UnicodeDecodeError:
            yield FileLine(number, problem="is not UTF-8")
            continue
        if text.strip():
            yield FileLine(number, text)


def _skip_rest(stream: BinaryIO) -> None:
    while (more := stream.readline(LONGEST)) and not more.endswith(b"\n"):
        pass
