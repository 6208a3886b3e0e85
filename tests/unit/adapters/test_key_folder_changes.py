"""A folder of keys while the server runs: what is new is taken whole, or not at all."""

import json
import os
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from support.key_files import assert_kept, jwk, new_key, pem, public_pem
from support.logs import configured

from tokenauthority_server.adapters.jwt.keys import TokenKey
from tokenauthority_server.adapters.signing_keys.folder import KeyFolder
from tokenauthority_server.adapters.signing_keys.folder_files import read_folder
from tokenauthority_server.domain.keys import KeyState

A, B, C = new_key(), new_key(), new_key()
REFUSED = "a signing key is refused, the last good set stays"
GOOD_AGAIN = "the folder of signing keys is good again"
CHANGED = "signing keys have changed"
SWAPS = 400


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "1.pem").write_bytes(pem(A))
    (tmp_path / "2.pem").write_bytes(public_pem(B))
    return tmp_path


@pytest.fixture
def log() -> Iterator["Log"]:
    with configured("info", "json") as stream:
        yield Log(stream)


class Log:
    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._seen = 0

    @property
    def text(self) -> str:
        text: str = self._stream.getvalue()
        return text

    def news(self) -> list[tuple[str, str]]:
        """What was logged since it was asked last: the events, with the problem of each."""
        lines = [json.loads(line) for line in self.text.splitlines()]
        self._seen, news = len(lines), lines[self._seen :]
        return [(line["event"], line.get("problem", "")) for line in news]


def opened(path: Path) -> KeyFolder:
    folder = KeyFolder(path, "ES256")
    folder.read()
    return folder


def states(keys: tuple[TokenKey, ...]) -> list[KeyState]:
    return [key.state for key in keys]


def test_what_has_not_changed_is_not_parsed_again(path: Path, log: Log) -> None:
    folder = opened(path)
    before = folder.current()
    assert folder.current() is before
    (path / "2.pem").write_bytes(pem(B))
    after = folder.current()
    assert states(after) == [KeyState.RETIRED, KeyState.ACTIVE]
    assert after[0].verifying is before[0].verifying
    assert after[0].signing is before[0].signing
    assert after[1].verifying is not before[1].verifying
    # The same content anew, as of another file with another time, is no change.
    (path / "copy.pem").write_bytes(pem(B))
    (path / "copy.pem").replace(path / "2.pem")
    assert folder.current() is after
    assert log.news() == [(CHANGED, "")]


def test_a_change_that_no_time_tells_of_is_seen(path: Path) -> None:
    folder = opened(path)
    for key in (C, B, C):
        stat = (path / "2.pem").stat()
        # Of one size, in the same file.
        (path / "2.pem").write_bytes(public_pem(key))
        os.utime(path / "2.pem", ns=(stat.st_atime_ns, stat.st_mtime_ns))
        assert (path / "2.pem").stat().st_size == stat.st_size
        assert folder.current()[1].verifying.key == key.public_key()


def test_a_key_is_rotated_by_its_files(path: Path, log: Log) -> None:
    folder = opened(path)
    assert states(folder.current()) == [KeyState.ACTIVE, KeyState.PREPARED]
    prepared = folder.current()[1]
    (path / "2.pem").write_bytes(pem(B))
    active = folder.current()[1]
    assert (active.key_id, active.state) == (prepared.key_id, KeyState.ACTIVE)
    assert active.may_sign
    (path / "1.pem").write_bytes(public_pem(A))
    (path / "3.pem").write_bytes(public_pem(C))
    assert states(folder.current()) == [KeyState.RETIRED, KeyState.ACTIVE, KeyState.PREPARED]
    (path / "1.pem").unlink()
    assert states(folder.current()) == [KeyState.ACTIVE, KeyState.PREPARED]
    assert log.news() == [(CHANGED, "")] * 3


BAD: Mapping[str, bytes] = {
    "cut off": pem(A)[:100],
    "empty": b"",
    "weak": jwk(A),
    "another's too": public_pem(B),
    "gone": b"gone",
}


@pytest.mark.parametrize("how", BAD)
def test_the_last_good_set_stays_whole_while_anything_is_wrong(
    path: Path, log: Log, how: str
) -> None:
    folder = opened(path)
    before = folder.current()
    (path / "3.pem").write_bytes(public_pem(C))
    if how == "gone":
        (path / "1.pem").unlink()
    else:
        (path / "1.pem").write_bytes(BAD[how])
    for _ in range(3):
        # Neither the bad one, nor the new one beside it.
        assert folder.current() is before
    # Told once.
    ((event, problem),) = log.news()
    assert event == REFUSED
    assert problem.startswith(str(path))
    (path / "1.pem").write_bytes(pem(A))
    assert states(folder.current()) == [KeyState.ACTIVE, KeyState.PREPARED, KeyState.PREPARED]
    assert folder.current()[0].verifying is not None
    assert log.news() == [(GOOD_AGAIN, ""), (CHANGED, "")]


def test_each_new_problem_is_told_once(path: Path, log: Log) -> None:
    folder = opened(path)
    (path / "3.pem").write_bytes(b"")
    folder.current()
    assert len(log.news()) == 1
    (path / "4.pem").write_bytes(b"")
    folder.current()
    ((_, problem),) = log.news()
    assert "4.pem" in problem
    (path / "3.pem").unlink()
    folder.current()
    assert log.news() == []
    (path / "3.pem").write_bytes(b"")
    folder.current()
    ((_, problem),) = log.news()
    assert "3.pem" in problem


def test_a_folder_that_vanishes_is_missed_and_found_again(path: Path, log: Log) -> None:
    folder = opened(path)
    before = folder.current()
    path.rename(path.with_name("elsewhere"))
    assert folder.current() is before
    assert [event for event, _ in log.news()] == [REFUSED]
    path.with_name("elsewhere").rename(path)
    assert folder.current() is before
    assert log.news() == [(GOOD_AGAIN, "")]


def test_nothing_of_a_file_is_logged(path: Path, log: Log) -> None:
    folder = opened(path)
    contents = [pem(C)[:-40], jwk(C, kty="oct"), jwk(C)[:-5], jwk(C, kid="a b"), pem(C) + pem(B)]
    for content in contents:
        (path / "3.pem").write_bytes(content)
        folder.current()
        (path / "3.pem").unlink()
        (path / "3.jwk").write_bytes(content)
        folder.current()
        (path / "3.jwk").unlink()
    (path / "3.pem").write_bytes(pem(C))
    folder.current()
    assert len(log.news()) >= len(contents)
    for content in (*contents, pem(C)):
        assert_kept(content, log.text)


class Mounted:
    """Files as Kubernetes mounts those of a secret: links through a link that is exchanged."""

    def __init__(self, path: Path, files: Mapping[str, bytes]) -> None:
        self.path = path
        self._number = 0
        self.exchange(files)
        for name in files:
            (path / name).symlink_to(Path("..data") / name)

    def exchange(self, files: Mapping[str, bytes]) -> None:
        self._number += 1
        folder = self.path / f"..{self._number:06}"
        folder.mkdir()
        for name, content in files.items():
            (folder / name).write_bytes(content)
        link = self.path / "..data_tmp"
        link.symlink_to(folder.name)
        link.replace(self.path / "..data")


def test_an_exchanged_mount_is_followed(tmp_path: Path) -> None:
    mounted = Mounted(tmp_path, {"1.pem": pem(A), "2.pem": public_pem(B)})
    folder = opened(tmp_path)
    assert states(folder.current()) == [KeyState.ACTIVE, KeyState.PREPARED]
    mounted.exchange({"1.pem": public_pem(A), "2.pem": pem(B)})
    assert states(folder.current()) == [KeyState.RETIRED, KeyState.ACTIVE]
    mounted.exchange({"1.pem": public_pem(A)})
    # The link of the other file leads nowhere until it is taken away.
    assert states(folder.current()) == [KeyState.RETIRED, KeyState.ACTIVE]


def test_half_of_an_exchanged_mount_is_never_seen(tmp_path: Path) -> None:
    # Guard: read but once, a set of two versions was seen several times in each run.
    names = [f"{number}.pem" for number in range(8)]
    mounted = Mounted(tmp_path, dict.fromkeys(names, b"0"))

    def exchange() -> None:
        for number in range(1, SWAPS):
            mounted.exchange(dict.fromkeys(names, str(number).encode()))

    exchanging = threading.Thread(target=exchange)
    exchanging.start()
    seen: set[bytes] = set()
    for _ in range(100 * SWAPS):
        found = read_folder(tmp_path)
        if not found.faults:
            assert len(set(found.contents.values())) == 1, found.contents
            seen.update(found.contents.values())
        if not exchanging.is_alive():
            break
    exchanging.join()
    assert len(seen) > 1
    assert set(read_folder(tmp_path).contents.values()) == {str(SWAPS - 1).encode()}
