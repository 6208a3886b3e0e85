"""How programs are run and ended, with programs that every system has."""

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.waiting import wait_until

from tokenauthority_server.embedded import EmbeddedStoreError, child
from tokenauthority_server.embedded.folder import StoreFolder


@pytest.fixture
def store(folder: Path) -> Iterator[StoreFolder]:
    store = StoreFolder(folder)
    store.claim()
    yield store
    store.release()


def test_nothing_of_our_environment_is_handed_on(
    store: StoreFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY_ENCRYPTION_KEY", "secret")
    with store.writing_log() as log:
        child.run(["/usr/bin/env"], store, log)
    assert store.log_text() == "LC_ALL=C\n"


def test_a_program_reads_its_text_and_its_failure_shows_the_log(store: StoreFolder) -> None:
    failure = r"(?s)sh failed with status 3\..*server\.log ends with:\s+heard$"
    with store.writing_log() as log, pytest.raises(EmbeddedStoreError, match=failure):
        child.run(["/bin/sh"], store, log, "echo heard\nexit 3\n")


def test_a_program_that_hangs_is_ended(store: StoreFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "TASK_SECONDS", 0.1)
    with (
        store.writing_log() as log,
        pytest.raises(EmbeddedStoreError, match="sleep failed with status -9"),
    ):
        child.run(["/bin/sleep", "30"], store, log)
    store.wait_until_unused()


def test_a_program_that_does_not_listen_is_made_to_end(
    store: StoreFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "STOP_SECONDS", 0.1)
    deaf = ["/bin/sh", "-c", "trap '' TERM; echo deaf; read line"]
    with store.writing_log() as log:
        process = child.spawn(deaf, store, log, signal.SIGKILL, subprocess.PIPE)
    with process:
        wait_until(lambda: store.log_text() == "deaf\n")
        child.end(process, signal.SIGTERM)
        assert process.returncode == -signal.SIGKILL
