"""A cursor stands for one place, and nothing else is a cursor."""

from base64 import urlsafe_b64encode

import pytest

from tokenauthority_server.domain.revocation_ports import Position, Standing
from tokenauthority_server.domain.watch_ports import LONGEST_CURSOR
from tokenauthority_server.revocation.cursors import cursor_of, standing_of

PLACES = [
    Standing("a", Position(0, 0)),
    Standing("0f" * 16, Position(1_700_000_000_000, 7)),
    Standing("x" * 128, Position(2**64 - 1, 2**64 - 1)),
]


def written(text: str) -> str:
    return urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


@pytest.mark.parametrize("standing", PLACES, ids=str)
def test_a_place_comes_back(standing: Standing) -> None:
    cursor = cursor_of(standing)
    assert standing_of(cursor) == standing
    assert len(cursor) <= LONGEST_CURSOR


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "a",
        "é",
        "!!!!",
        "x" * (LONGEST_CURSOR + 1),
        written("a"),
        written("a:1"),
        written("a:1-"),
        written("a:01-1"),
        written("a:1-1 "),
        written(":1-1"),
        written("a:b:1-1"),
        written(f"a:{2**64}-1"),
        written("é:1-1"),
        written("x" * 129 + ":1-1"),
        written("a:1-1") + "=",
        written("a:1-1") + "\n",
        "\n" + written("a:1-1"),
        # The same bytes, but for bits that a decoder does not look at.
        written("a:1-1")[:-1] + "F",
        urlsafe_b64encode(b"\xff\xfe").decode(),
    ],
)
def test_nothing_else_is_a_cursor(cursor: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        standing_of(cursor)
