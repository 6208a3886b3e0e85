"""The files of a folder of keys, as they were at one moment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tokenauthority_server.adapters.mounted_files import (
    as_named,
    read_content,
    settled,
    shown,
    unreadable,
)

MAX_FILES: Final = 64
MAX_FILE_BYTES: Final = 16 * 1024

_KEYS: Final = (".pem", ".jwk", ".json")
_NOTES: Final = (".md", ".txt")


@dataclass(frozen=True, slots=True)
class FolderFiles:
    """What each file holds, by its name, and a line for each that cannot be read."""

    contents: Mapping[str, bytes] = field(repr=False)
    faults: tuple[str, ...] = ()


def read_folder(folder: Path) -> FolderFiles:
    """Return the folder's files, links followed; those whose names begin with a dot do not count.

    They are those of one moment: see `settled`.
    """
    changing = f"{shown(folder)} changes while it is read. Let it be for a moment"
    return settled(lambda: _read(folder)) or FolderFiles({}, (changing,))


def _read(folder: Path) -> FolderFiles:
    try:
        names = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        return FolderFiles({}, (unreadable(as_named(folder, "folder"), error),))
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
                contents[name] = read_content(path, MAX_FILE_BYTES)
            except OSError as error:
                faults.append(unreadable(shown(path), error))
            except ValueError as error:
                faults.append(f"{shown(path)} {error}, so it is no key. Remove it")
        elif not name.lower().endswith(_NOTES):
            faults.append(
                f"{shown(path)} is neither a key ({', '.join(_KEYS)}) nor a note "
                f"({', '.join(_NOTES)}). Rename it, or remove it"
            )
    return FolderFiles(contents, tuple(faults))
