"""The files of a folder of keys, as they were at one moment."""

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

MAX_FILES: Final = 64
MAX_FILE_BYTES: Final = 16 * 1024

_KEYS: Final = (".pem", ".jwk", ".json")
_NOTES: Final = (".md", ".txt")
_TRIES: Final = 5


@dataclass(frozen=True, slots=True)
class FolderFiles:
    """What each file holds, by its name, and a line for each that cannot be read."""

    contents: Mapping[str, bytes] = field(repr=False)
    faults: tuple[str, ...] = ()


def read_folder(folder: Path) -> FolderFiles:
    """Return the folder's files, links followed; those whose names begin with a dot do not count.

    It is read until it looks the same twice. For Kubernetes exchanges all files at once, by a link
    to the folder that they are in, and half of the old ones with half of the new ones are a set
    that was never meant.
    """
    former = _read(folder)
    for _ in range(_TRIES):
        current = _read(folder)
        if current == former:
            return current
        former = current
    return FolderFiles({}, (f"{shown(folder)} changes while it is read. Let it be for a moment",))


def shown(path: Path) -> str:
    """Return the path on one line, whatever its name holds."""
    text = str(path)
    return text if text.isprintable() else ascii(text)


def _read(folder: Path) -> FolderFiles:
    try:
        names = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        return FolderFiles({}, (_unreadable(_as_named(folder), error),))
    keys = [name for name in names if name.lower().endswith(_KEYS)]
    if len(keys) > MAX_FILES:
        many = f"{shown(folder)} holds {len(keys)} files of keys, and {MAX_FILES} are the most"
        return FolderFiles({}, (f"{many}. Remove those that nobody needs any more",))
    contents: dict[str, bytes] = {}
    faults: list[str] = []
    for name in names:
        path = folder / name
        if name in keys:
            try:
                contents[name] = _content(path)
            except OSError as error:
                faults.append(_unreadable(shown(path), error))
            except ValueError as error:
                faults.append(f"{shown(path)} {error}")
        elif not name.lower().endswith(_NOTES):
            faults.append(
                f"{shown(path)} is neither a key ({', '.join(_KEYS)}) nor a note "
                f"({', '.join(_NOTES)}). Rename it, or remove it"
            )
    return FolderFiles(contents, tuple(faults))


def _content(path: Path) -> bytes:
    """Return what the file holds; raise ValueError when it is no file, or too long for a key."""
    with open(path, "rb", opener=_at_once) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ValueError("is no regular file. Remove it")
        content = file.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise ValueError(f"has more than {MAX_FILE_BYTES} bytes, so it is no key. Remove it")
    return content


def _at_once(path: str, flags: int) -> int:
    # Whoever opens a pipe in any other way waits for somebody to write to it.
    return os.open(path, flags | os.O_NONBLOCK)


def _unreadable(subject: str, error: OSError) -> str:
    return f"{subject} cannot be read: {error.strerror}. Make it readable, or put it back"


def _as_named(folder: Path) -> str:
    # Whoever takes the setting for that of a key puts the key where the path belongs.
    return shown(folder) if folder.is_absolute() else "the folder that it names"
