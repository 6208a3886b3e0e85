"""The key that dev makes for itself."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tokenauthority_server.config import ConfigurationError, Settings, ensure_dev_key


def test_the_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    data = tmp_path / "a" / "b"
    made = ensure_dev_key(data)
    assert len(Settings(key_encryption_key=made).key_encryption_keys) == 1
    assert ensure_dev_key(data) == made
    (file,) = data.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_another_folder_has_another_key(tmp_path: Path) -> None:
    assert ensure_dev_key(tmp_path / "a") != ensure_dev_key(tmp_path / "b")


def test_whoever_comes_second_gets_the_first_ones_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        keys = {key.get_secret_value() for key in threads.map(ensure_dev_key, [tmp_path] * 32)}
    assert len(keys) == 1
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("content", [b"", b"no key", b"\xff" * 32])
def test_a_broken_key_is_never_replaced(tmp_path: Path, content: bytes) -> None:
    ensure_dev_key(tmp_path)
    (file,) = tmp_path.iterdir()
    file.write_bytes(content)
    with pytest.raises(ConfigurationError, match=f"DATA_DIR: {file} holds no key any more"):
        ensure_dev_key(tmp_path)
    assert file.read_bytes() == content


def test_a_folder_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="cannot be used: Not a directory"):
        ensure_dev_key(tmp_path / "file" / "data")
