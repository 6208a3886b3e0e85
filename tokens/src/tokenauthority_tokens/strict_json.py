"""JSON as tokens use it: one flat object, with no member twice and no number but small whole ones.

The library accepts more than it should of what a stranger wrote: of duplicate members the last one
wins, NaN and Infinity are numbers, and integers have no bound. What it calls back for is looked at
afterwards instead, as far as it can be: a stranger's token may hold thousands of such things, and
each call would take longer than reading it.
"""

import json
from collections.abc import Mapping
from typing import Final, NoReturn

_LARGEST: Final = 2**63 - 1


def dumps(members: Mapping[str, object]) -> bytes:
    """Return the object without white space, in UTF-8 without escapes that are not needed."""
    return _ENCODER.encode(members).encode()


def loads(data: bytes) -> dict[str, object]:
    """Return the object's members; raise ValueError when it is none, or not strictly one.

    A member is a string, a number from 0 to 2**63 - 1, a truth value, null or a list. What a list
    holds is not looked at; an object in it is left a tuple, which nothing else is.
    """
    try:
        pairs = _DECODER.decode(data.decode())
    except RecursionError:
        pairs = None
    if not isinstance(pairs, tuple):
        raise ValueError("not a JSON object")  # noqa: TRY004 - what was read is wrong, no caller is
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member stands twice")
    for value in members.values():
        if isinstance(value, tuple) or (isinstance(value, int) and not 0 <= value <= _LARGEST):
            raise ValueError("a member is an object, or a number out of bounds")
    return members


def _refuse(_: str) -> NoReturn:
    raise ValueError("a number is not an integer")


_ENCODER: Final = json.JSONEncoder(
    separators=(",", ":"), ensure_ascii=False, allow_nan=False, check_circular=False
)
_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=tuple, parse_float=_refuse, parse_constant=_refuse
)
