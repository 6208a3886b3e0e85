"""What the embedded stores share: starting, losing, restarting and stopping a server."""

import contextlib
import secrets
import signal
import socket
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from subprocess import Popen
from typing import ClassVar, Self

from tokenauthority_server.embedded.child import end, spawn
from tokenauthority_server.embedded.errors import EmbeddedStoreError
from tokenauthority_server.embedded.folder import StoreFolder

HOST = "127.0.0.1"
PORTS = range(20_000, 32_000)
"""Below those that systems give to outgoing connections, so that none takes a lost store's."""
PORT_ATTEMPTS = 5
PORT_TAKEN = "Address already in use"
READY = "eady to accept "
"""Both stores log a sentence with these words, each with its own capital letter, when connections,
or a standby's read-only connections, are accepted."""
READY_SECONDS = 60.0


class EmbeddedStore(ABC):
    """A server on loopback that this process started and that ends with it."""

    name: ClassVar[str]
    stop_signal: ClassVar[signal.Signals]
    death_signal: ClassVar[signal.Signals]

    def __init__(self, folder: Path) -> None:
        self._folder = StoreFolder(folder.absolute() / self.name.lower())
        self._password = ""
        self._port = 0
        self._process: Popen[bytes] | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """The address with user and password: a secret. The same after a restart."""

    @property
    def pid(self) -> int:
        """The server's process id.

        Raises:
            EmbeddedStoreError: it is stopped.
        """
        if self._process is None:
            raise EmbeddedStoreError(f"{self.name} in {self._folder.path} is stopped.")
        return self._process.pid

    def restart(self) -> None:
        """Starts the server again on the same port, with the data that it kept; stops it first.

        Raises:
            EmbeddedStoreError: it did not start; the text holds the end of its log.
        """
        if threading.current_thread() is not threading.main_thread():
            raise EmbeddedStoreError(
                f"{self.name} must be started from the main thread: on Linux a child's death "
                "signal comes at the end of the thread that started it."
            )
        self.stop()
        self._folder.claim()
        try:
            with self._folder.writing_log() as log:
                self._password = self._folder.password()
                self._prepare(self._folder, log)
            self._serve()
        except BaseException:
            self.stop()
            raise

    def kill(self) -> None:
        """Ends the server as a crash would; returns when nothing of it is left."""
        if self._process is not None:
            end(self._process, signal.SIGKILL)
            self._folder.wait_until_unused()

    def stop(self) -> None:
        """Ends the server cleanly, within ten seconds, and gives up its folder."""
        if self._process is not None:
            end(self._process, self.stop_signal)
            self._process = None
        self._folder.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} on {HOST}:{self._port} in {self._folder.path}>"

    @abstractmethod
    def _prepare(self, folder: StoreFolder, log: int) -> None:
        """Makes what the server needs in its folder, before each start."""

    @abstractmethod
    def _command(self, folder: StoreFolder, port: int) -> Sequence[str | Path]:
        """The program and its arguments, for a server on this port."""

    def _serve(self) -> None:
        """Starts the server; on another port when the one found was taken meanwhile."""
        ports = [self._port] if self._port else [free_port() for _ in range(PORT_ATTEMPTS)]
        for port in ports:
            with self._folder.writing_log() as log:
                command = self._command(self._folder, port)
                process = spawn(command, self._folder, log, self.death_signal)
            self._process = process
            if self._wait_until_ready(process):
                self._port = port
                return
            if PORT_TAKEN not in self._folder.log_text():
                break
        raise EmbeddedStoreError(f"{self.name} did not start. " + self._folder.end_of_log())

    def _wait_until_ready(self, process: Popen[bytes]) -> bool:
        deadline = time.monotonic() + READY_SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            if READY in self._folder.log_text():
                return True
            time.sleep(0.005)
        return False


def free_port() -> int:
    """A port that was free a moment ago."""
    for _ in range(len(PORTS)):
        port = secrets.choice(PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((HOST, port))
            return port
    raise EmbeddedStoreError(f"No port from {PORTS.start} to {PORTS.stop - 1} is free.")
