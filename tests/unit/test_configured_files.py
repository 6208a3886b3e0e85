"""The files that settings name: every fault of all of them at once."""

from pathlib import Path

import pytest
from support.certificates import CertificateAuthority
from support.tls import TlsFolder

from tokenauthority_server.adapters.signing_keys.folder import KeyFolderError
from tokenauthority_server.adapters.tls.files import TlsFilesError
from tokenauthority_server.config import Settings
from tokenauthority_server.configured_files import BadFilesError, check_files

CA = CertificateAuthority()


def named(folder: TlsFolder, **more: Path) -> Settings:
    given = {name.lower(): Path(path) for name, path in folder.settings.items()}
    return Settings.model_validate({**given, **more})


def test_without_files_nothing_is_read() -> None:
    check_files(Settings())


def test_good_files_are_good(tmp_path: Path) -> None:
    check_files(named(TlsFolder(tmp_path / "tls", CA.server(), CA.certificate)))


def test_one_kind_of_fault_is_told_as_it_is(tmp_path: Path) -> None:
    folder = TlsFolder(tmp_path / "tls", CA.server())
    folder.put(key=b"")
    with pytest.raises(TlsFilesError):
        check_files(named(folder))
    with pytest.raises(KeyFolderError):
        check_files(Settings(signing_keys_dir=tmp_path / "none"))


def test_faults_of_several_kinds_are_told_together(tmp_path: Path) -> None:
    folder = TlsFolder(tmp_path / "tls", CA.server())
    folder.put(key=b"")
    callers = tmp_path / "callers.toml"
    callers.write_text("[callers.x]\n")
    with pytest.raises(BadFilesError) as caught:
        check_files(named(folder, signing_keys_dir=tmp_path / "none", callers_file=callers))
    assert caught.value.exit_code == 2
    settings = [line.partition(":")[0] for line in str(caught.value).splitlines()]
    assert list(dict.fromkeys(settings)) == ["TLS_KEY_FILE", "CALLERS_FILE", "SIGNING_KEYS_DIR"]
