"""An embedded Valkey."""

import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Self

from tokenauthority_server.embedded.binaries import find_valkey
from tokenauthority_server.embedded.folder import StoreFolder
from tokenauthority_server.embedded.store import HOST, EmbeddedStore


class EmbeddedValkey(EmbeddedStore):
    """A Valkey (or a Redis) that never evicts, and keeps its data over a clean stop.

    A crash loses what was written since the last snapshot: up to five minutes of writes.
    """

    name: ClassVar = "Valkey"
    stop_signal: ClassVar = signal.SIGTERM
    death_signal: ClassVar = signal.SIGKILL  # what it holds may be lost, so nothing to wait for

    def __init__(self, folder: Path, settings: Mapping[str, str] | None = None) -> None:
        super().__init__(folder)
        self.settings = settings or {}
        self._program = find_valkey()

    @classmethod
    def start(cls, folder: Path, settings: Mapping[str, str] | None = None) -> Self:
        """Starts Valkey on the data under FOLDER/valkey.

        ``settings`` are Valkey's own, and go over those that it is given here. Stores of both kinds
        may share FOLDER. Call it from the main thread.

        Raises:
            EmbeddedStoreError: there is no Valkey here, it does not start, or another process
                uses the folder.
        """
        store = cls(folder, settings)
        store.restart()
        return store

    @property
    def url(self) -> str:
        """The address with the password: a secret. The same after a restart."""
        return f"redis://:{self._password}@{HOST}:{self._port}/0"

    def _prepare(self, folder: StoreFolder, log: int) -> None:
        """Nothing: all that Valkey needs is written with the port, in ``_command``."""

    def _command(self, folder: StoreFolder, port: int) -> Sequence[str | Path]:
        configuration = folder.path / "valkey.conf"
        settings = {
            "bind": HOST,
            "port": str(port),
            "requirepass": self._password,
            "dir": ".",  # the folder itself, where the child starts: no path to quote
            "save": "300 1",
            "stop-writes-on-bgsave-error": "no",
            "maxmemory-policy": "noeviction",
            **self.settings,
        }
        folder.write_private(
            configuration, "".join(f"{name} {value}\n" for name, value in settings.items())
        )
        return [self._program, configuration]
