"""What a running `dev` tells the commands beside it, and nobody else."""

import stat
from pathlib import Path

import pytest
from pydantic import SecretStr

from tokenauthority_server.config import (
    KEYS_READ,
    USERS_READ,
    ConfigurationError,
    Mode,
    Settings,
    load_settings,
    telling,
)

URL = "postgresql://user:pass-word@127.0.0.1:20001/tokenauthority"
LOG = "redis://127.0.0.1:20002"
KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
NO_FILE = Path("no .env file")


def running(folder: Path) -> Settings:
    return Settings(
        database_url=SecretStr(URL),
        key_encryption_key=SecretStr(KEY),
        data_dir=folder,
        redis_url=SecretStr(LOG),
        revocation_lease_seconds=2,
        jwt_algorithm="EdDSA",
        refresh_token_expire_days=3,
    )


def test_the_keys_command_finds_the_dev_that_runs(tmp_path: Path) -> None:
    with telling(running(tmp_path), KEYS_READ):
        settings = load_settings({"DATA_DIR": str(tmp_path)}, NO_FILE, mode="keys")
        assert settings.database_url.get_secret_value() == URL
        assert settings.key_encryption_key.get_secret_value() == KEY
        assert (settings.jwt_algorithm, settings.refresh_token_expire_days) == ("EdDSA", 3)
        assert settings.origin("database_url") == str(tmp_path / "dev.env")


@pytest.mark.parametrize("mode", ["keys", "users", "erase"])
def test_those_that_revoke_find_by_what_the_servers_are_told(tmp_path: Path, mode: Mode) -> None:
    with telling(running(tmp_path), USERS_READ):
        settings = load_settings({"DATA_DIR": str(tmp_path)}, NO_FILE, mode=mode)
        assert settings.redis_url.get_secret_value() == LOG
        assert (settings.redis_db, settings.revocation_lease_seconds) == (0, 2)
    given = {"DATABASE_URL": URL, "KEY_ENCRYPTION_KEY": KEY}
    assert not load_settings(given, NO_FILE, mode=mode).redis_url
    numbered = given | {"REDIS_URL": f"{LOG}/7"}
    assert load_settings(numbered, NO_FILE, mode=mode).redis_db == 7


@pytest.mark.parametrize("mode", ["keys", "users", "erase", "audit"])
def test_all_commands_beside_it_find_it(tmp_path: Path, mode: Mode) -> None:
    with telling(running(tmp_path), USERS_READ):
        settings = load_settings({"DATA_DIR": str(tmp_path)}, NO_FILE, mode=mode)
        assert settings.database_url.get_secret_value() == URL
    with pytest.raises(ConfigurationError) as missing:
        load_settings({"DATA_DIR": str(tmp_path)}, NO_FILE, mode=mode)
    named = {fault.setting for fault in missing.value.faults}
    needs_keys = mode in {"keys", "users"}
    assert named == {"DATABASE_URL"} | ({"KEY_ENCRYPTION_KEY"} if needs_keys else set())


def test_what_is_not_set_is_not_told(tmp_path: Path) -> None:
    given = {"DATA_DIR": str(tmp_path)}
    with telling(running(tmp_path), KEYS_READ):
        assert load_settings(given, NO_FILE, mode="keys").signing_keys_dir is None
    keyed = running(tmp_path).model_copy(update={"signing_keys_dir": tmp_path / "keys"})
    with telling(keyed, KEYS_READ):
        settings = load_settings(given, NO_FILE, mode="keys")
        assert settings.signing_keys_dir == tmp_path / "keys"


def test_it_is_found_where_data_dir_is_by_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".data").mkdir()
    with telling(running(Path(".data")), KEYS_READ):
        assert load_settings({}, NO_FILE, mode="keys").database_url.get_secret_value() == URL


def test_what_is_given_goes_first(tmp_path: Path) -> None:
    with telling(running(tmp_path), KEYS_READ):
        given = {"DATA_DIR": str(tmp_path), "JWT_ALGORITHM": "RS256"}
        assert load_settings(given, NO_FILE, mode="keys").jwt_algorithm == "RS256"
        other = given | {"DATABASE_URL": "postgresql://other/db", "KEY_ENCRYPTION_KEY": KEY}
        settings = load_settings(other, NO_FILE, mode="keys")
        assert settings.database_url.get_secret_value() == "postgresql://other/db"
        # Nothing of dev's belongs to another database.
        assert settings.refresh_token_expire_days == 7


MODES: tuple[Mode, ...] = ("serve", "migrate", "janitor")


@pytest.mark.parametrize("mode", MODES)
def test_no_other_command_takes_it(tmp_path: Path, mode: Mode) -> None:
    with telling(running(tmp_path), KEYS_READ), pytest.raises(ConfigurationError):
        load_settings({"DATA_DIR": str(tmp_path)}, NO_FILE, mode=mode)


def test_only_its_owner_reads_it_and_it_goes_with_dev(tmp_path: Path) -> None:
    path = tmp_path / "dev.env"
    path.write_text("left behind")
    path.chmod(0o644)
    with telling(running(tmp_path), KEYS_READ):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not path.exists()
    with pytest.raises(ConfigurationError, match="DATABASE_URL: is required by keys"):
        load_settings({"DATA_DIR": str(tmp_path)}, NO_FILE, mode="keys")
