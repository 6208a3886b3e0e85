import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tokenauthority_server.embedded import EmbeddedPostgres


def reachable_folder() -> Iterator[Path]:
    """A folder that every user can reach: root's servers may run as another user."""
    with tempfile.TemporaryDirectory(prefix="embedded-") as name:
        path = Path(name)
        path.chmod(0o711)
        yield path / "data"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that no store has used."""
    yield from reachable_folder()


@pytest.fixture(scope="session")
def used_folder() -> Iterator[Path]:
    """A folder where PostgreSQL was started once: a later start is many times as quick."""
    for path in reachable_folder():
        EmbeddedPostgres.start(path, {"fsync": "off"}).stop()
        yield path
