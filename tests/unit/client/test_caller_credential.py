"""A credential in a file: read again in time, and never lost to a bad one."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from unit.client.secrecy import shown

from tokenauthority_client.caller_credential import LONGEST, CallerCredential

KEY: Final = "tac_0f-Xy_Zw"
ANOTHER: Final = "tac_another-key"


def hold(path: Path, content: str | bytes) -> None:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def remove(path: Path) -> None:
    path.unlink()


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "caller.key"
    hold(path, f"{KEY}\n")
    return path


@dataclass
class Clock:
    """Stands still until it is set."""

    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def from_file(key_file: Path, clock: Clock) -> CallerCredential:
    credential = CallerCredential(key_file, argument="caller_key", clock=clock)
    credential.open()
    return credential


async def test_what_rotates_is_noticed_within_a_minute(
    from_file: CallerCredential, key_file: Path, clock: Clock
) -> None:
    hold(key_file, ANOTHER)
    clock.now += 59.9
    assert await from_file.current() == KEY
    clock.now += 0.1
    assert await from_file.current() == ANOTHER
    hold(key_file, KEY)
    clock.now += 59.9
    assert await from_file.current() == ANOTHER
    clock.now += 0.1
    assert await from_file.current() == KEY


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    """A file as kubelet mounts it: behind a link that is swapped when the content changes."""
    for folder, key in (("one", KEY), ("two", ANOTHER)):
        (tmp_path / folder).mkdir()
        hold(tmp_path / folder / "token", key)
    (tmp_path / "..data").symlink_to("one")
    (tmp_path / "token").symlink_to(Path("..data") / "token")
    return tmp_path


def swap(volume: Path) -> None:
    swapped = volume / "..data_tmp"
    swapped.symlink_to("two")
    swapped.rename(volume / "..data")


async def test_a_link_that_is_swapped_is_followed(volume: Path, clock: Clock) -> None:
    credential = CallerCredential(volume / "token", argument="a token", clock=clock)
    credential.open()
    assert await credential.current() == KEY
    swap(volume)
    clock.now += 60
    assert await credential.current() == ANOTHER


UNUSABLE: Final[dict[str, tuple[bytes, str]]] = {
    "nothing": (b" \n", "is empty"),
    "a scheme": (f"Bearer {KEY}".encode(), "stands alone"),
    "quotes": (f'"{KEY}"'.encode(), "stands alone"),
    "two lines": (f"{KEY}\n{ANOTHER}".encode(), "stands alone"),
    "no ASCII": (f"{KEY}é".encode(), "stands alone"),
    "NUL": (f"{KEY}\0".encode(), "stands alone"),
    "too long": (KEY.encode() * LONGEST, f"more than {LONGEST} characters"),
}


@pytest.mark.parametrize("what", UNUSABLE)
async def test_a_file_that_holds_no_key_is_refused_at_first_and_later_passed_over(
    from_file: CallerCredential,
    key_file: Path,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
    what: str,
) -> None:
    content, problem = UNUSABLE[what]
    hold(key_file, content)
    clock.now += 60
    with caplog.at_level(logging.WARNING, logger="tokenauthority_client"):
        assert await from_file.current() == KEY
        assert await from_file.current() == KEY
    (record,) = caplog.records
    assert f"caller_key: {key_file}" in record.getMessage()
    assert "what it held before is used on" in record.getMessage()
    with pytest.raises(ValueError, match=problem) as caught:
        from_file.open()
    for text in (caplog.text, shown(caught.value), repr(from_file)):
        assert KEY not in text


async def test_a_file_that_is_gone_is_refused_at_first_and_later_passed_over(
    from_file: CallerCredential,
    key_file: Path,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    remove(key_file)
    clock.now += 60
    with caplog.at_level(logging.WARNING, logger="tokenauthority_client"):
        assert await from_file.current() == KEY
    assert f"caller_key: {key_file} cannot be read: No such file" in caplog.text
    with pytest.raises(ValueError, match="cannot be read: No such file"):
        from_file.open()
