"""Starts programs as children that cannot outlive this process, and ends them."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from subprocess import Popen

from tokenauthority_server.embedded.errors import EmbeddedStoreError
from tokenauthority_server.embedded.folder import StoreFolder

LAUNCH = Path(__file__).with_name("launch.py")
TASK_SECONDS = 60.0
STOP_SECONDS = 10.0


def spawn(
    command: Sequence[str | Path],
    folder: StoreFolder,
    log: int,
    death_signal: signal.Signals,
    stdin: int = subprocess.DEVNULL,
) -> Popen[bytes]:
    """Starts COMMAND, which writes to LOG and gets DEATH_SIGNAL when this process ends.

    The environment is not handed on: it may hold secrets, and settings of the stores' own.
    """
    return Popen(  # noqa: S603  the commands are our own, and no shell reads them
        [
            *(sys.executable, "-I", "-S", LAUNCH),
            *(folder.path, str(os.getpid()), str(int(death_signal))),
            *command,
        ],
        stdin=stdin,
        stdout=log,
        stderr=log,
        cwd=folder.path,
        env={"LC_ALL": "C"},
        umask=0o077,
        # A terminal sends Ctrl-C to its whole group: the stores must outlive our own clean end.
        start_new_session=True,
    )


def run(command: Sequence[str | Path], folder: StoreFolder, log: int, text: str = "") -> None:
    """Runs COMMAND to its end, with TEXT as its standard input.

    Raises:
        EmbeddedStoreError: it failed, or took longer than a minute.
    """
    with spawn(command, folder, log, signal.SIGKILL, subprocess.PIPE) as process:
        try:
            with contextlib.suppress(subprocess.TimeoutExpired):  # told below, by SIGKILL's status
                process.communicate(text.encode(), timeout=TASK_SECONDS)
        finally:
            process.kill()
    if process.returncode != 0:
        raise EmbeddedStoreError(
            f"{Path(command[0]).name} failed with status {process.returncode}. "
            + folder.end_of_log()
        )


def end(process: Popen[bytes], stop_signal: signal.Signals) -> None:
    """Asks PROCESS to end, insists after ten seconds, and returns when it has."""
    process.send_signal(stop_signal)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
