"""On which line of a TOML document each of its values begins. The library does not tell."""

import re
import tomllib
from typing import Any, Final

Path = tuple[str | int, ...]

_NAME: Final = r"""(?:"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[A-Za-z0-9_-]+)"""
_DOTTED: Final = rf"{_NAME}(?:[ \t]*\.[ \t]*{_NAME})*"
_TOKEN: Final = re.compile(
    r'''(?P<text>"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')'''
    r"|(?P<comment>\#[^\n]*)|(?P<newline>\n)|(?P<space>[ \t\r]+)|(?P<mark>[\[\]{},])"
    r"""|(?P<other>[^\s"'\#\[\]{},]+)""",
    re.DOTALL,
)
_HEADER: Final = re.compile(rf"(\[\[?)[ \t]*({_DOTTED})[ \t]*\]\]?")
_ASSIGNMENT: Final = re.compile(rf"({_DOTTED})[ \t]*=")


def lines_of(document: str) -> dict[Path, int]:
    """Return the first line (from 1) of each table and value, by its path.

    The elements of an array are there by their index, what is in an inline table or in an array of
    arrays is not. The document must be one that the library reads.
    """
    lines: dict[Path, int] = {}
    table: Path = ()
    line, at = 1, 0
    while at < len(document):
        if header := _HEADER.match(document, at):
            table = _path(header[2])
            for end in range(1, len(table) + 1):
                lines.setdefault(table[:end], line)
            at = header.end()
        elif assignment := _ASSIGNMENT.match(document, at):
            path = table + _path(assignment[1])
            for end in range(len(table) + 1, len(path) + 1):
                lines.setdefault(path[:end], line)
            at, line = _skip_value(document, assignment.end(), line, path, lines)
        else:
            # Between two statements: space, comments, ends of lines.
            token = _next(document, at)
            line += token[0].count("\n")
            at = token.end()
    return lines


def _skip_value(
    document: str, at: int, line: int, path: Path, lines: dict[Path, int]
) -> tuple[int, int]:
    """Return where the value ends, and on which line; note where its elements begin."""
    is_array = False
    depth = index = 0
    while at < len(document):
        token = _next(document, at)
        kind, text = token.lastgroup, token[0]
        if kind == "newline" and not depth:
            break
        opens = kind == "mark" and text in "[{"
        if is_array and depth == 1:
            if text == ",":
                index += 1
            elif opens or kind in {"text", "other"}:
                lines.setdefault((*path, index), line)
        if opens:
            is_array = is_array or (not depth and text == "[")
            depth += 1
        elif kind == "mark" and text in "]}":
            depth -= 1
        line += text.count("\n")
        at = token.end()
    return at, line


def _next(document: str, at: int) -> re.Match[str]:
    token = _TOKEN.match(document, at)
    if token is None:
        raise ValueError("this is no TOML document")
    return token


def _path(dotted: str) -> Path:
    """Return the names of a dotted key, as the library reads it: quoted ones have escapes."""
    names: list[str] = []
    inner: Any = tomllib.loads(f"{dotted} = 0")
    while inner:
        ((name, inner),) = inner.items()
        names.append(name)
    return tuple(names)
