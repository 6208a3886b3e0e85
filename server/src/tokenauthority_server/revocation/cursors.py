"""Cursors: a place in the log of a data set, as watchers are told it and give it back.

They hold nothing secret and are good at every worker and replica, as the log is the same for all.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

from tokenauthority_server.domain.revocation_ports import Position, Standing
from tokenauthority_server.domain.watch_ports import LONGEST_CURSOR

_NUMBER: Final = r"(?:0|[1-9][0-9]{0,19})"
_FORM: Final = re.compile(rf"([!-9;-~]{{1,128}}):({_NUMBER})-({_NUMBER})")
_BITS: Final = 64


def cursor_of(standing: Standing) -> str:
    """Return the one cursor of a place."""
    text = f"{standing.identity}:{standing.position}"
    return urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def standing_of(cursor: str) -> Standing:
    """Return the place that a cursor stands for; raise ValueError for what is none."""
    if len(cursor) > LONGEST_CURSOR or not cursor.isascii():
        raise ValueError("not a cursor")
    padding = "=" * (-len(cursor) % 4)
    form = _FORM.fullmatch(urlsafe_b64decode(cursor + padding).decode("ascii"))
    if form is None:
        raise ValueError("not a cursor")
    identity, milliseconds, number = form.groups()
    standing = Standing(identity, Position(int(milliseconds), int(number)))
    # One place has one cursor: base64 has several spellings, and its decoder skips what is none.
    if max(standing.position) >> _BITS or cursor_of(standing) != cursor:
        raise ValueError("not a cursor")
    return standing
