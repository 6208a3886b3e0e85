"""An embedded PostgreSQL."""

import shutil
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Self

from tokenauthority_server.embedded.binaries import find_postgres
from tokenauthority_server.embedded.child import run
from tokenauthority_server.embedded.folder import StoreFolder
from tokenauthority_server.embedded.store import HOST, EmbeddedStore

USER = DATABASE = "tokenauthority"
SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",  # none: a socket's path may be too long
    "max_connections": "100",
    "shared_buffers": "64MB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
}


class EmbeddedPostgres(EmbeddedStore):
    """A PostgreSQL with one superuser and one database, both named ``tokenauthority``.

    UTF-8, locale C, passwords by SCRAM-SHA-256, 100 connections.
    """

    name: ClassVar = "PostgreSQL"
    stop_signal: ClassVar = signal.SIGINT  # a fast shutdown: open transactions are rolled back
    death_signal: ClassVar = signal.SIGINT

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        super().__init__(folder)
        self._settings = SETTINGS | dict(settings)
        self._binaries = find_postgres()

    @classmethod
    def start(cls, folder: Path, settings: Mapping[str, str] | None = None) -> Self:
        """Starts PostgreSQL on the data under FOLDER/postgresql, which the first start makes.

        ``settings`` are PostgreSQL's own, and go over those above. Stores of both kinds may share
        FOLDER. Call it from the main thread.

        Raises:
            EmbeddedStoreError: there is no PostgreSQL here, it does not start, or another
                process uses the folder.
        """
        store = cls(folder, settings or {})
        store.restart()
        return store

    @property
    def url(self) -> str:
        """The address with user and password: a secret. The same after a restart."""
        return f"postgresql://{USER}:{self._password}@{HOST}:{self._port}/{DATABASE}"

    def _prepare(self, folder: StoreFolder, log: int) -> None:
        cluster = folder.path / "cluster"
        if cluster.exists():
            # A crash leaves it with a process id that may be another's by now, and the server
            # would refuse to start; that no server is left, the lock has proven.
            (cluster / "postmaster.pid").unlink(missing_ok=True)
            return
        # Made beside its place and then moved there, so that an interrupted attempt is redone.
        draft = folder.path / "cluster.draft"
        shutil.rmtree(draft, ignore_errors=True)
        initdb = self._binaries / "initdb"
        run(
            [
                *(initdb, "--pgdata", draft, "--username", USER, "--no-sync"),
                *("--pwfile", folder.path / "password", "--auth", "scram-sha-256"),
                *("--encoding", "UTF8", "--locale", "C"),
            ],
            folder,
            log,
        )
        # Single-user mode: needs neither a port nor a client.
        run(
            [
                *(self._binaries / "postgres", "--single", "-D", draft),
                *("-c", "fsync=off", "-c", "exit_on_error=on", "template1"),
            ],
            folder,
            log,
            f"CREATE DATABASE {DATABASE};\n",
        )
        if self._settings.get("fsync") != "off":
            run([initdb, "--sync-only", "--pgdata", draft], folder, log)
        draft.rename(cluster)

    def _command(self, folder: StoreFolder, port: int) -> Sequence[str | Path]:
        settings = self._settings | {"port": str(port)}
        return [
            *(self._binaries / "postgres", "-D", folder.path / "cluster"),
            *(part for name, value in settings.items() for part in ("-c", f"{name}={value}")),
        ]
