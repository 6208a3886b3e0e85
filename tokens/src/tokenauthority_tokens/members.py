"""The members of a token's payload, each read as exactly its type. All raise ValueError."""

from collections.abc import Mapping


def text(members: Mapping[str, object], name: str) -> str:
    """Return a string that is there, and not empty."""
    value = _string(members[name])
    if not value:
        raise ValueError("an empty string is written by leaving it out")
    return value


def optional_text(members: Mapping[str, object], name: str) -> str:
    """Return a string, or "" where it is left out."""
    return text(members, name) if name in members else ""


def texts(members: Mapping[str, object], name: str) -> tuple[str, ...]:
    """Return a list of strings, or () where it is left out."""
    if name not in members:
        return ()
    values = members[name]
    if not isinstance(values, list) or not values:
        raise ValueError("an empty list is written by leaving it out")
    try:
        _string("".join(values))
    except TypeError:
        raise ValueError("not a list of strings") from None
    return tuple(values)


def integer(members: Mapping[str, object], name: str, maximum: int) -> int:
    """Return an integer from 0 to the maximum."""
    value = members[name]
    # bool is an int to isinstance, and is none here. The JSON has none below 0.
    if type(value) is not int or value > maximum:
        raise ValueError("not an integer in its range")
    return value


def _string(value: object) -> str:
    # JSON can write what neither UTF-8 nor PostgreSQL can hold: half a surrogate pair, and NUL.
    if not isinstance(value, str) or "\0" in value:
        raise ValueError("not a string that we could store")
    if not value.isascii():
        value.encode()
    return value
