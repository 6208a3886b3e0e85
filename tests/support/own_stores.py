"""Stores that a test may kill: embedded ones of its own, whatever the others run on."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from support.processes import accepts

from tokenauthority_server.embedded import EmbeddedPostgres, EmbeddedValkey


@dataclass(frozen=True)
class OwnStores:
    postgres: EmbeddedPostgres
    valkey: EmbeddedValkey

    def kill(self) -> None:
        self.postgres.kill()
        self.valkey.kill()

    def restore(self) -> None:
        """Start again what is not up."""
        for store in (self.postgres, self.valkey):
            if not accepts(store.url):
                store.restart()


@contextmanager
def own_stores() -> Iterator[OwnStores]:
    """Both stores with nothing in them; they end with the block."""
    with tempfile.TemporaryDirectory(prefix="tests-own-stores-") as name, ExitStack() as stores:
        folder = Path(name)
        folder.chmod(0o711)  # started by root the servers may run as another user
        yield OwnStores(
            # What is written has to outlive the server, not the machine.
            postgres=stores.enter_context(EmbeddedPostgres.start(folder, {"fsync": "off"})),
            valkey=stores.enter_context(EmbeddedValkey.start(folder)),
        )
