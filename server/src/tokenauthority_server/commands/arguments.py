"""What may be written in an argument."""

from typing import TypeVar

import typer

Value = TypeVar("Value", str, list[str] | None)


def unicode(value: Value) -> Value:
    """Take an argument, or several, that goes to the database; refuse bytes that are no text."""
    try:
        "".join(value or ()).encode()
    except UnicodeEncodeError:
        raise typer.BadParameter("is no text in UTF-8.") from None
    return value
