"""A store's folder: who owns it, who still uses it, its log and its password.

Two locks hold it. ``owner.lock`` is held by the process that started the store, so a second one is
refused at once. ``server.log`` is held by whatever still writes it: the descriptor, and with it the
lock, is inherited by the server and by all of its own children, so a server that is still on its
way out after its owner was killed is waited for. Both are the kernel's, and need no look at process
ids, which lie: a killed process keeps its id until it is reaped, and later another one gets it.
"""

import contextlib
import fcntl
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

from tokenauthority_server.embedded.errors import EmbeddedStoreError

RELEASE_SECONDS = 15.0
LOG_LINES = 15


class StoreFolder:
    """One store's folder, made where it is missing."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._log = path / "server.log"
        self._owner: int | None = None

    def claim(self) -> None:
        """Makes this process the owner, until ``release`` or its end.

        Raises:
            EmbeddedStoreError: another owner lives, or the folder cannot be used.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.mkdir(mode=0o700, exist_ok=True)
            owner = os.open(self.path / "owner.lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise EmbeddedStoreError(
                f"The folder {self.path} cannot be used: {error.strerror}. "
                "Choose another one (DATA_DIR), or make this one writable."
            ) from error
        if not _try_lock(owner):
            process = os.pread(owner, 20, 0).decode() or "another"
            os.close(owner)
            raise EmbeddedStoreError(
                f"The folder {self.path} is in use by process {process}. "
                "Stop that process, or choose another folder (DATA_DIR)."
            )
        os.ftruncate(owner, 0)
        os.pwrite(owner, str(os.getpid()).encode(), 0)
        self._owner = owner

    def release(self) -> None:
        """Lets another process own the folder; does nothing when it is not ours."""
        if self._owner is not None:
            os.close(self._owner)
            self._owner = None

    @contextlib.contextmanager
    def writing_log(self) -> Iterator[int]:
        """The descriptor of the emptied log, for children to inherit, once no one else has it."""
        log = self._lock_log()
        try:
            os.ftruncate(log, 0)
            yield log
        finally:
            os.close(log)

    def wait_until_unused(self) -> None:
        """Returns when no process of a former server is left; at most fifteen seconds.

        Raises:
            EmbeddedStoreError: one is left after that.
        """
        os.close(self._lock_log())

    def log_text(self) -> str:
        """All that was written to the log since it was emptied."""
        return self._log.read_text(errors="replace")

    def end_of_log(self) -> str:
        """The log's last lines under a heading, for an error's text."""
        lines = self.log_text().splitlines()[-LOG_LINES:]
        return "\n".join([f"{self._log} ends with:", *(f"  {line}" for line in lines)])

    def password(self) -> str:
        """The store's password, made at the first call; safe in an address as it stands."""
        path = self.path / "password"
        if not path.exists():
            self.write_private(path, secrets.token_urlsafe(24))
        return path.read_text()

    def write_private(self, path: Path, text: str) -> None:
        """Writes a file that only its owner can read, whole or not at all."""
        draft = path.with_suffix(".draft")
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o600, exist_ok=False)
        draft.write_text(text)
        draft.replace(path)

    def _lock_log(self) -> int:
        # Appending, so that what a child writes after the log was emptied begins at its start.
        log = os.open(self._log, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        deadline = time.monotonic() + RELEASE_SECONDS
        while not _try_lock(log):
            if time.monotonic() > deadline:
                os.close(log)
                raise EmbeddedStoreError(
                    f"A former server still runs on the folder {self.path} after "
                    f"{RELEASE_SECONDS:.0f} seconds. End it, or choose another folder (DATA_DIR)."
                )
            time.sleep(0.01)
        return log


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
