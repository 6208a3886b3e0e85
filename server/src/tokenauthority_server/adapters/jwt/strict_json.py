"""JSON as tokens use it: one object, with no member twice and no number but small whole ones.

The library accepts more than it should of what a stranger wrote: of duplicate members the last one
wins, NaN and Infinity are numbers, and integers have no bound.
"""

import json
from collections.abc import Mapping
from typing import Final, NoReturn

_MAX_DIGITS: Final = len(str(2**63 - 1))


def dumps(members: Mapping[str, object]) -> bytes:
    """Return the object without white space, in UTF-8 without escapes that are not needed."""
    return _ENCODER.encode(members).encode()


def loads(data: bytes) -> dict[str, object]:
    """Return the object's members; raise ValueError when it is none, or not strictly one."""
    try:
        value = _DECODER.decode(data.decode())
    except RecursionError:
        value = None
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - what was read is wrong, no caller is
    return value


def _members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member stands twice")
    return members


def _integer(digits: str) -> int:
    if len(digits) > _MAX_DIGITS or digits.startswith("-"):
        raise ValueError("an integer is out of bounds")
    return int(digits)


def _refuse(_: str) -> NoReturn:
    raise ValueError("a number is not an integer")


_ENCODER: Final = json.JSONEncoder(
    separators=(",", ":"), ensure_ascii=False, allow_nan=False, check_circular=False
)
_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_members, parse_int=_integer, parse_float=_refuse, parse_constant=_refuse
)
