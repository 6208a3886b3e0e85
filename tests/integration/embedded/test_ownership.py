"""One owner a folder, and nothing that outlives it."""

import re
import time
from pathlib import Path

import pytest
from integration.embedded.owner import START, Owner
from integration.embedded.query import sql
from support.processes import accepts, has_ended
from support.waiting import wait_until

from tokenauthority_server.embedded import (
    EmbeddedPostgres,
    EmbeddedStoreError,
    EmbeddedValkey,
    launch,
)
from tokenauthority_server.embedded import (
    folder as folder_module,
)

NO_SYNC = {"fsync": "off"}

SLEEPER = """
import os, subprocess, sys
launch, folder = sys.argv[1:]
elsewhere = (
    "import runpy, sys; sys.platform = 'elsewhere'; sys.argv.pop(0);"
    "runpy.run_path(sys.argv[0], run_name='__main__')"
)
arguments = [launch, folder, str(os.getpid()), "15", "/bin/sleep", "30"]
child = subprocess.Popen([sys.executable, "-c", elsewhere, *arguments])
print('{"pid": %d}' % child.pid, flush=True)
sys.stdin.read()
child.kill()
"""
"""Starts a program through the launcher, as on a system that has no death signals."""


def test_a_killed_owner_leaves_no_server_and_no_lock(used_folder: Path) -> None:
    with Owner(START, used_folder) as owner:
        stores = owner.read()
        assert sql(stores["postgres"]["url"], "select 1") == 1
        owner.kill()
        began = time.monotonic()
        with (
            EmbeddedPostgres.start(used_folder, NO_SYNC) as postgres,
            EmbeddedValkey.start(used_folder),
        ):
            assert time.monotonic() - began < 10
            assert sql(postgres.url, "select 1") == 1
            assert all(has_ended(int(store["pid"])) for store in stores.values())
            assert not any(accepts(store["url"]) for store in stores.values())


def test_an_owner_that_ends_by_itself_stops_its_servers(used_folder: Path) -> None:
    with Owner(START, used_folder) as owner:
        stores = owner.read()
        owner.process.communicate(timeout=10)
        assert owner.process.returncode == 0
        assert all(has_ended(int(store["pid"])) for store in stores.values())


def test_a_second_owner_is_refused_at_once(used_folder: Path) -> None:
    with Owner(START, used_folder) as owner:
        owner.read()
        for name, start in (
            ("postgresql", EmbeddedPostgres.start),
            ("valkey", EmbeddedValkey.start),
        ):
            sentence = f"{used_folder / name} is in use by process {owner.process.pid}."
            with pytest.raises(EmbeddedStoreError, match=re.escape(sentence)):
                start(used_folder)


def test_a_server_that_does_not_go_away_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_module, "RELEASE_SECONDS", 0.1)
    with EmbeddedValkey.start(folder) as valkey:
        (folder / "valkey" / "owner.lock").unlink()  # as if its owner had just been killed
        with pytest.raises(EmbeddedStoreError, match="A former server still runs on the folder"):
            EmbeddedValkey.start(folder)
        assert accepts(valkey.url)


def test_an_interrupted_first_start_is_done_again(folder: Path) -> None:
    draft = folder / "postgresql" / "cluster.draft"
    with Owner(START, folder) as owner:
        wait_until((draft / "PG_VERSION").exists)
        owner.kill()
    assert draft.exists()
    with EmbeddedPostgres.start(folder, NO_SYNC) as postgres:
        assert sql(postgres.url, "select 1") == 1
    assert not draft.exists()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EmbeddedStoreError, match="cannot be used: Not a directory"):
        EmbeddedValkey.start(tmp_path / "file" / "data")


def test_where_there_are_no_death_signals_a_watcher_stands_in(folder: Path) -> None:
    with Owner(SLEEPER, launch.__file__, folder.parent) as owner:
        sleeper = int(str(owner.read()["pid"]))
        wait_until(lambda: Path(f"/proc/{sleeper}/comm").read_text() == "sleep\n")
        owner.kill()
        wait_until(lambda: has_ended(sleeper))
