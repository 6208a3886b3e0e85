"""Where values come from: the environment, the .env file, files for secrets."""

from pathlib import Path

import pytest

from tokenauthority_server.config import ConfigurationError, Settings, load_settings

DATABASE = "postgresql://ta:hunter2@h/db"


@pytest.fixture
def dotenv(tmp_path: Path) -> Path:
    return tmp_path / ".env"


def refused(environ: dict[str, str], dotenv: Path) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(environ, dotenv, mode="dev")
    return [str(fault) for fault in caught.value.faults]


def test_the_environment_comes_before_the_file_and_the_file_before_the_default(
    dotenv: Path,
) -> None:
    dotenv.write_text("GRPC_PORT=1\nHTTP_PORT='2'\n# REDIS_DB=9\nexport JWT_ISSUER=ours\n")
    settings = load_settings({"GRPC_PORT": "3"}, dotenv, mode="dev")
    assert (settings.grpc_port, settings.origin("grpc_port")) == (3, "environment")
    assert (settings.http_port, settings.origin("http_port")) == (2, ".env")
    assert (settings.jwt_issuer, settings.origin("jwt_issuer")) == ("ours", ".env")
    assert (settings.redis_db, settings.origin("redis_db")) == (0, "default")


def test_an_empty_value_does_not_hide_the_file(dotenv: Path) -> None:
    dotenv.write_text("GRPC_PORT=1\nHTTP_PORT=\nREFLECTION\n")
    settings = load_settings({"GRPC_PORT": ""}, dotenv, mode="dev")
    assert (settings.grpc_port, settings.http_port, settings.reflection) == (1, 8081, True)


def test_names_of_others_in_the_file_are_let_be(dotenv: Path) -> None:
    dotenv.write_text("COMPOSE_PROJECT_NAME=wakedock\ngrpc_port=5\n")
    settings = load_settings({}, dotenv, mode="dev")
    assert [warning.setting for warning in settings.warnings] == ["grpc_port"]
    assert settings.grpc_port == 50051


def test_a_file_that_is_no_text_is_told(dotenv: Path) -> None:
    dotenv.write_bytes(b"JWT_ISSUER=\xff\xfe\n")
    assert refused({}, dotenv) == [f"{dotenv}: cannot be read: it is no UTF-8 text"]


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_a_secret_may_come_in_a_file(tmp_path: Path, dotenv: Path, ending: str) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(f"{DATABASE}{ending}".encode())
    settings = load_settings({"DATABASE_URL_FILE": str(secret)}, dotenv, mode="migrate")
    assert settings.database_url.get_secret_value() == DATABASE
    assert settings.origin("database_url") == f"file {secret}"


def test_only_one_newline_ends_a_secret(tmp_path: Path, dotenv: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("v3JkQm8sT1xWzL5nRb7YpC2dHf9GaE4u\n\n")
    given = {"JWT_ALGORITHM": "HS256", "JWT_SECRET_KEY_FILE": str(secret)}
    loaded = load_settings(given, dotenv, mode="dev").jwt_secret_key.get_secret_value()
    assert loaded == "v3JkQm8sT1xWzL5nRb7YpC2dHf9GaE4u\n"


def test_the_path_of_a_secret_may_stand_in_the_file(tmp_path: Path, dotenv: Path) -> None:
    (tmp_path / "secret").write_text("redis://h:1")
    dotenv.write_text(f"REDIS_URL_FILE={tmp_path}/secret\n")
    assert load_settings({}, dotenv, mode="dev").redis_url.get_secret_value() == "redis://h:1"


def test_a_secret_that_cannot_be_had_is_one_fault_that_names_the_path(
    tmp_path: Path, dotenv: Path
) -> None:
    empty, binary = tmp_path / "empty", tmp_path / "binary"
    empty.write_text("\n")
    binary.write_bytes(b"\xff")
    given = {
        "DATABASE_URL_FILE": f"{tmp_path}/none",
        "REDIS_URL_FILE": str(tmp_path),
        "KEY_ENCRYPTION_KEY_FILE": str(empty),
        "JWT_SECRET_KEY_FILE": str(binary),
        "JWT_ALGORITHM": "HS256",
    }
    gone = f"names {tmp_path}/none, which cannot be read: No such file or directory"
    assert refused(given, dotenv) == [
        f"DATABASE_URL_FILE: {gone}",
        f"REDIS_URL_FILE: names {tmp_path}, which cannot be read: Is a directory",
        f"KEY_ENCRYPTION_KEY_FILE: names {empty}, which is empty",
        f"JWT_SECRET_KEY_FILE: names {binary}, which cannot be read: it is no UTF-8 text",
    ]


def test_a_secret_given_both_ways_is_a_fault_wherever_each_stands(dotenv: Path) -> None:
    dotenv.write_text(f"DATABASE_URL={DATABASE}\n")
    assert refused({"DATABASE_URL_FILE": "/run/secrets/database"}, dotenv) == [
        "DATABASE_URL: is given together with DATABASE_URL_FILE. Unset one of the two"
    ]


def test_only_secrets_come_in_files(tmp_path: Path, dotenv: Path) -> None:
    (tmp_path / "port").write_text("7")
    settings = load_settings({"GRPC_PORT_FILE": str(tmp_path / "port")}, dotenv, mode="dev")
    assert settings.grpc_port == Settings().grpc_port
