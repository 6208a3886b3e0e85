"""Files that the configuration names, and that others exchange while the server runs."""

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

_TRIES: Final = 5

Read = TypeVar("Read")


def read_content(path: Path, most: int) -> bytes:
    """Return what the file holds, links followed.

    Raises OSError; and ValueError when it is no regular file or has more than `most` bytes, with
    the words that go on after its name.
    """
    with open(path, "rb", opener=_at_once) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ValueError("is no regular file")
        content = file.read(most + 1)
    if len(content) > most:
        raise ValueError(f"has more than {most} bytes")
    return content


def settled(read: Callable[[], Read]) -> Read | None:
    """Return what was read twice in a row alike; None when it keeps changing.

    For Kubernetes exchanges all files of a folder at once, by a link to the folder that they are
    in, and half of the old ones with half of the new ones are a set that was never meant.
    """
    former = read()
    for _ in range(_TRIES):
        current = read()
        if current == former:
            return current
        former = current
    return None


def shown(path: Path) -> str:
    """Return the path on one line, whatever its name holds."""
    text = str(path)
    return text if text.isprintable() else ascii(text)


def as_named(path: Path, what: str) -> str:
    """Return the path that a setting gives, or `what` it names where that is no whole path.

    Whoever takes the setting for that of a key puts the key where the path belongs.
    """
    return shown(path) if path.is_absolute() else f"the {what} that it names"


def unreadable(subject: str, error: OSError) -> str:
    """Return what to say of a file or folder that cannot be read."""
    return f"{subject} cannot be read: {error.strerror}. Make it readable, or put it back"


def _at_once(path: str, flags: int) -> int:
    # Whoever opens a pipe in any other way waits for somebody to write to it.
    return os.open(path, flags | os.O_NONBLOCK)
