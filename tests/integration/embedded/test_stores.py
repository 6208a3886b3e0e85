"""What a caller sees: stores start, ask for a password, come, go and keep their data."""

import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest
import redis
from integration.embedded.query import command, sql
from support.processes import accepts, has_ended
from support.waiting import wait_until

from tokenauthority_server.embedded import EmbeddedPostgres, EmbeddedStoreError, EmbeddedValkey
from tokenauthority_server.embedded import store as store_module

NO_SYNC = {"fsync": "off"}


def test_postgres_answers_over_utf8_and_locale_c(folder: Path) -> None:
    with EmbeddedPostgres.start(folder) as postgres:
        assert sql(postgres.url, "select current_database() || ' ' || current_user") == (
            "tokenauthority tokenauthority"
        )
        assert sql(postgres.url, "show server_encoding") == "UTF8"
        assert sql(postgres.url, "select datcollate from pg_database limit 1") == "C"
        assert sql(postgres.url, "show max_connections") == "100"
        assert sql(postgres.url, "show fsync") == "on"


def test_a_caller_adds_settings(used_folder: Path) -> None:
    with EmbeddedPostgres.start(used_folder, NO_SYNC | {"work_mem": "5MB"}) as postgres:
        assert sql(postgres.url, "show fsync") == "off"
        assert sql(postgres.url, "show work_mem") == "5MB"


def test_valkey_answers_and_never_evicts(folder: Path) -> None:
    with EmbeddedValkey.start(folder) as valkey:
        assert command(valkey.url, "PING") is True
        assert command(valkey.url, "CONFIG", "GET", "maxmemory-policy") == {
            "maxmemory-policy": "noeviction"
        }


def test_both_ask_for_the_password(used_folder: Path) -> None:
    with (
        EmbeddedPostgres.start(used_folder, NO_SYNC) as postgres,
        EmbeddedValkey.start(used_folder) as valkey,
    ):
        stranger, _, place = postgres.url.rpartition("@")
        with pytest.raises(asyncpg.InvalidPasswordError):
            sql(f"{stranger}x@{place}", "select 1")
        with pytest.raises(redis.AuthenticationError):
            command("redis://" + valkey.url.rpartition("@")[2], "PING")


def test_the_password_is_told_by_the_url_alone(used_folder: Path) -> None:
    with (
        EmbeddedPostgres.start(used_folder, NO_SYNC) as postgres,
        EmbeddedValkey.start(used_folder) as valkey,
    ):
        for store in (postgres, valkey):
            password = store.url.partition("@")[0].rpartition(":")[2]
            assert len(password) >= 32
            assert password not in repr(store)
            assert password not in Path(f"/proc/{store.pid}/cmdline").read_text()
    files = [file for file in used_folder.rglob("*") if file.is_file()]
    assert {oct(file.stat().st_mode & 0o077) for file in files} == {"0o0"}


def test_both_listen_on_one_address_alone(used_folder: Path) -> None:
    with (
        EmbeddedPostgres.start(used_folder, NO_SYNC) as postgres,
        EmbeddedValkey.start(used_folder) as valkey,
    ):
        for store in (postgres, valkey):
            assert accepts(store.url)
            assert not accepts(store.url, "127.0.0.2")
        assert sql(postgres.url, "show unix_socket_directories") == ""
        assert command(valkey.url, "CONFIG", "GET", "unixsocket") == {"unixsocket": ""}


def test_an_interrupt_from_the_terminal_does_not_reach_a_store(folder: Path) -> None:
    with EmbeddedValkey.start(folder) as valkey:
        assert os.getsid(valkey.pid) != os.getsid(0)


def test_postgres_comes_back_from_a_crash_with_its_data(used_folder: Path) -> None:
    with EmbeddedPostgres.start(used_folder, NO_SYNC) as postgres:
        url, pid = postgres.url, postgres.pid
        sql(url, "create table kept as select 42 as value")
        processes = str(sql(url, "select string_agg(pid::text, ' ') from pg_stat_activity")).split()
        postgres.kill()
        assert not accepts(url)
        assert len(processes) > 1
        # A process gives up its files a moment before it is gone.
        wait_until(lambda: all(has_ended(int(process)) for process in processes))
        postgres.restart()
        assert (postgres.url, sql(url, "select value from kept")) == (url, 42)
        assert postgres.pid != pid


def test_valkey_comes_back_with_what_a_clean_stop_kept(folder: Path) -> None:
    with EmbeddedValkey.start(folder) as valkey:
        url = valkey.url
        command(url, "SET", "kept", "yes")
        valkey.stop()
        assert not accepts(url)
        valkey.restart()
        command(url, "SET", "lost", "yes")
        valkey.kill()
        assert not accepts(url)
        valkey.restart()
        assert valkey.url == url
        assert command(url, "MGET", "kept", "lost") == ["yes", None]


def test_a_later_start_finds_the_data(used_folder: Path) -> None:
    with EmbeddedPostgres.start(used_folder, NO_SYNC) as postgres:
        sql(postgres.url, "create table stayed as select 42 as value")
    with EmbeddedPostgres.start(used_folder, NO_SYNC) as postgres:
        assert sql(postgres.url, "select value from stayed") == 42


def test_a_crashed_postgres_starts_although_its_old_id_is_in_use(used_folder: Path) -> None:
    with (
        EmbeddedPostgres.start(used_folder, NO_SYNC) as postgres,
        EmbeddedValkey.start(used_folder) as other,
    ):
        postgres.kill()
        lock = used_folder / "postgresql" / "cluster" / "postmaster.pid"
        lock.write_text(lock.read_text().replace(lock.read_text().split()[0], str(other.pid), 1))
        postgres.restart()
        assert sql(postgres.url, "select 1") == 1


def test_a_stopped_store_has_no_process(folder: Path) -> None:
    with EmbeddedValkey.start(folder) as valkey:
        valkey.stop()
        valkey.stop()
        valkey.kill()
        with pytest.raises(EmbeddedStoreError, match=r"Valkey in .* is stopped"):
            _ = valkey.pid


def test_a_start_that_fails_shows_the_log_and_leaves_the_folder_free(used_folder: Path) -> None:
    with pytest.raises(EmbeddedStoreError, match='invalid value for parameter "work_mem"'):
        EmbeddedPostgres.start(used_folder, NO_SYNC | {"work_mem": "much"})
    with EmbeddedPostgres.start(used_folder, NO_SYNC) as postgres:
        assert sql(postgres.url, "select 1") == 1


def test_a_preparation_that_fails_shows_the_log(folder: Path) -> None:
    (folder / "postgresql").mkdir(parents=True)
    (folder / "postgresql" / "password").touch()
    with pytest.raises(EmbeddedStoreError, match=r"(?s)initdb failed with status 1.*is empty"):
        EmbeddedPostgres.start(folder, NO_SYNC)


def test_a_port_taken_meanwhile_is_replaced(
    used_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with EmbeddedValkey.start(used_folder / "first") as first:
        taken = int(first.url.rpartition(":")[2].partition("/")[0])
        find: Callable[[], int] = store_module.free_port
        ports = iter([taken])
        monkeypatch.setattr(store_module, "free_port", lambda: next(ports, None) or find())
        with (
            EmbeddedValkey.start(used_folder / "second") as second,
            EmbeddedPostgres.start(used_folder, NO_SYNC) as postgres,
        ):
            assert second.url.rpartition("@")[2] != first.url.rpartition("@")[2]
            assert command(second.url, "PING") is True
            assert sql(postgres.url, "select 1") == 1


def test_a_restart_whose_port_was_taken_says_so(folder: Path) -> None:
    with EmbeddedValkey.start(folder) as valkey:
        url = valkey.url
        valkey.stop()
        port = int(url.rpartition(":")[2].partition("/")[0])
        with (
            socket.create_server(("127.0.0.1", port)),
            pytest.raises(EmbeddedStoreError, match="Address already in use"),
        ):
            valkey.restart()
        valkey.restart()
        assert command(url, "PING") is True


def test_no_free_port_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with EmbeddedValkey.start(folder / "first") as first:
        taken = int(first.url.rpartition(":")[2].partition("/")[0])
        monkeypatch.setattr(store_module, "PORTS", range(taken, taken + 1))
        with pytest.raises(EmbeddedStoreError, match=f"No port from {taken} to {taken} is free"):
            EmbeddedValkey.start(folder / "second")


def test_only_the_main_thread_may_start(folder: Path) -> None:
    errors: list[str] = []

    def start() -> None:
        try:
            EmbeddedValkey.start(folder)
        except EmbeddedStoreError as error:
            errors.append(str(error))

    thread = threading.Thread(target=start)
    thread.start()
    thread.join(10)
    assert [
        error.startswith("Valkey must be started from the main thread") for error in errors
    ] == [True]
