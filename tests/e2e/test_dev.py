"""`tokenauthority dev`, the command behind `make run`."""

import re
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.commands import HERE, Server, run, server
from support.processes import accepts, has_ended
from support.waiting import wait_until

from tokenauthority_client import InactiveReason, SessionEndedError, Subject, TokenAuthorityClient

# At the end of the banner.
READY = "keys activate"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    # Started by root, the stores may run as another user, who has to get there.
    for folder in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        folder.chmod(0o711)
    return tmp_path / "data"


@contextmanager
def developing(data: Path) -> Iterator[Server]:
    settings = {"DATA_DIR": str(data)}
    with server(HERE / "tokenauthority", "dev", data.with_suffix(".log"), settings, READY) as one:
        yield one


def children(started: Server) -> list[int]:
    pid = started.process.pid
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_the_lines_of_the_banner_work_when_they_are_copied(data: Path) -> None:
    with developing(data) as started:
        lines = [line[2:] for line in started.text.splitlines() if line.startswith("  ")]
        _, callers, create, listing, probe, rotate = lines
        assert callers == "Everyone on this machine may call everything, administration too"
        created, listed, probed, rotated = (
            run("sh", "-c", line, folder=data.parent) for line in (create, listing, probe, rotate)
        )
        assert re.search(r'"access_?[tT]oken": "eyJ', created.text), created
        assert re.search(r'"session_?[iI]d": "sess_', listed.text), listed
        assert '"status":"ready"' in probed.text
        assert " ACTIVE " in rotated.text
        assert [created.code, listed.code, probed.code, rotated.code] == [0, 0, 0, 0]


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells whose children they are")
def test_ctrl_c_ends_it_cleanly_and_its_stores_with_it(data: Path) -> None:
    with developing(data) as started:
        stores = children(started)
        addresses = [started.address("grpc"), started.address("http")]
        assert len(stores) == 2
        assert started.stop(signal.SIGINT) == 0
        assert all(has_ended(pid) for pid in stores)
        assert not any(accepts(f"//{address}") for address in addresses)
        assert "Traceback" not in started.text


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells whose children they are")
async def test_killed_it_leaves_no_server_and_loses_nothing(data: Path) -> None:
    user = Subject(user_id="1", username="ann")
    with developing(data) as started:
        stores = children(started)
        async with TokenAuthorityClient(started.address("grpc")) as client:
            alive, dead, ended = [await client.create_pair(user) for _ in range(3)]
            await client.revoke_token(dead.access_token)
            await client.revoke_session(ended.session_id)
        started.stop(signal.SIGKILL)
        wait_until(lambda: all(has_ended(pid) for pid in stores))
        assert not accepts(f"//{started.address('grpc')}")
    # Redis, emptied in between, is missed by nobody.
    shutil.rmtree(data / "valkey")
    with developing(data) as started:
        async with TokenAuthorityClient(started.address("grpc")) as client:
            assert await client.validate(alive.access_token)
            assert (await client.validate(dead.access_token)).reason is (
                InactiveReason.TOKEN_REVOKED
            )
            assert (await client.validate(ended.access_token)).reason is (
                InactiveReason.SESSION_REVOKED
            )
            with pytest.raises(SessionEndedError):
                await client.refresh(ended.refresh_token)
            assert (await client.refresh(alive.refresh_token)).pair.session_id == alive.session_id
            assert len((await client.list_sessions("1")).sessions) == 2
