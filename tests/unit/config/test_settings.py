"""What good configurations mean."""

import base64
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from tokenauthority_server.config import Settings, load_settings
from tokenauthority_server.config.fields import is_loopback

FIRST, SECOND = bytes(range(32)), bytes(range(1, 33))
NOWHERE = Path("/nonexistent/.env")


def dev(**given: str) -> Settings:
    return load_settings(given, NOWHERE, mode="dev")


def test_dev_needs_nothing_and_talks_to_people() -> None:
    settings = dev()
    assert settings.reflection
    assert settings.log_format == "console"
    assert settings.warnings == ()
    assert not settings.database_url
    assert settings.key_encryption_keys == ()


def test_dev_gives_way_to_what_is_set() -> None:
    settings = dev(REFLECTION="off", LOG_FORMAT="JSON", LOG_LEVEL="Warning")
    assert not settings.reflection
    assert settings.log_format == "json"
    assert settings.log_level == "warning"


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        ("postgres://u:p@h/db", "postgresql://u:p@h/db"),
        ("postgresql+asyncpg://u:p%40@h:6432/db", "postgresql://u:p%40@h:6432/db"),
        ("POSTGRESQL+psycopg2://h/db", "postgresql://h/db"),
        ("postgresql+asyncpg://h/db?ssl=require", "postgresql://h/db?sslmode=require"),
        (
            "postgresql://h/db?application_name=x&sslmode=verify-full&sslrootcert=/ca.pem",
            "postgresql://h/db?application_name=x&sslmode=verify-full&sslrootcert=/ca.pem",
        ),
        ("postgresql:///db?host=/run/postgresql", "postgresql:///db?host=/run/postgresql"),
    ],
)
def test_the_database_has_one_form(given: str, normal: str) -> None:
    assert dev(DATABASE_URL=given).database_url.get_secret_value() == normal


@pytest.mark.parametrize(
    ("address", "number"),
    [
        ("redis://h", 0),
        ("redis://h:6379/", 0),
        ("rediss://u:p@[::1]:6380/3", 3),
        ("redis://h?db=4", 4),
        ("redis://u:a,b@h/5", 5),
        ("redis+cluster://:p@h1:7000,h2:7001,[::1]:7002", 0),
        ("rediss+cluster://h1/0?ssl_ca_certs=/ca.crt", 0),
        ("redis+sentinel://u:p@h1:26379,h2:26379/authority", 0),
        ("rediss+sentinel://h1/authority/6?sentinel_username=s&sentinel_password=p", 6),
    ],
)
def test_redis_may_name_its_database_in_its_address(address: str, number: int) -> None:
    settings = dev(REDIS_URL=address)
    assert settings.redis_url.get_secret_value() == address
    assert settings.redis_db == number
    assert dev(REDIS_URL=address, REDIS_DB=str(number)).redis_db == number


def test_a_database_of_its_own_setting() -> None:
    assert dev(REDIS_URL="redis://h:6379", REDIS_DB="5").redis_db == 5


def test_keys_come_in_either_base64_the_first_one_first() -> None:
    standard = base64.b64encode(bytes([251] * 31 + [1])).decode()
    unpadded = base64.urlsafe_b64encode(SECOND).decode().rstrip("=")
    assert "+" in standard
    url_safe = standard.replace("+", "-").replace("/", "_")
    for first in (standard, url_safe):
        keys = dev(KEY_ENCRYPTION_KEY=f"{first} , {unpadded}").key_encryption_keys
        assert keys == (bytes([251] * 31 + [1]), SECOND)


def test_the_two_spellings_of_one_key_are_one_key() -> None:
    twice = f"{base64.b64encode(FIRST).decode()},{base64.b64encode(FIRST).decode().rstrip('=')}"
    with pytest.raises(ValidationError, match="stands there twice"):
        Settings(key_encryption_key=twice)


def test_hs256_with_a_secret_of_its_own() -> None:
    secret = "v3JkQm8sT1xWzL5nRb7YpC2dHf9GaE4u"
    settings = dev(JWT_ALGORITHM="HS256", JWT_SECRET_KEY=secret)
    assert settings.jwt_secret_key.get_secret_value() == secret
    assert settings.warnings == ()


def test_keys_are_made_here_unless_a_folder_brings_them() -> None:
    assert dev().signing_keys_dir is None
    assert dev(SIGNING_KEYS_DIR="").signing_keys_dir is None
    # What is in it is not for the settings to judge.
    settings = dev(SIGNING_KEYS_DIR="/nonexistent/keys", JWT_ALGORITHM="EdDSA")
    assert settings.signing_keys_dir == Path("/nonexistent/keys")
    assert settings.warnings == ()
    (warning,) = dev(SIGNING_KEYS_DIR="/keys", KEY_ROTATION_DAYS="7").warnings
    assert str(warning).startswith("KEY_ROTATION_DAYS: is not used")


def test_a_secret_that_is_not_used_is_warned_about_and_not_judged() -> None:
    (warning,) = dev(JWT_SECRET_KEY="weak").warnings
    assert str(warning) == "JWT_SECRET_KEY: is not used, since JWT_ALGORITHM is ES256"


def test_an_open_door_is_warned_about() -> None:
    settings = dev(GRPC_HOST="::", ALLOW_ANONYMOUS_CALLERS="1", GRPC_PORT="0")
    anonymous, clear = settings.warnings
    assert anonymous.setting == "ALLOW_ANONYMOUS_CALLERS"
    assert "whoever reaches [::]:0 may create" in anonymous.problem
    assert clear.setting == "TLS_CERT_FILE"
    assert "reach [::]:0 in the clear" in clear.problem
    assert dev(ALLOW_ANONYMOUS_CALLERS="1").warnings == ()
    assert dev(HTTP_HOST="0.0.0.0").warnings == ()  # noqa: S104


def test_a_port_with_tls_is_not_in_the_clear() -> None:
    pair = {"TLS_CERT_FILE": "/tls.crt", "TLS_KEY_FILE": "/tls.key"}
    settings = dev(GRPC_HOST="::", ALLOW_ANONYMOUS_CALLERS="1", **pair)
    assert [warning.setting for warning in settings.warnings] == ["ALLOW_ANONYMOUS_CALLERS"]
    assert settings.tls_key_file == Path("/tls.key")
    assert dev().tls_cert_file is None


@pytest.mark.parametrize("name", ["eddsa", "EDDSA", "EdDSA"])
def test_an_algorithm_is_known_however_it_is_written(name: str) -> None:
    assert load_settings({"JWT_ALGORITHM": name}, NOWHERE, mode="dev").jwt_algorithm == "EdDSA"


def test_what_belongs_to_another_command_is_warned_about() -> None:
    served = {
        "DATABASE_URL": "postgresql://h/db",
        "REDIS_URL": "redis://h",
        "KEY_ENCRYPTION_KEY": base64.b64encode(FIRST).decode(),
    }
    settings = load_settings(served | {"MIGRATE": "1"}, NOWHERE, mode="serve")
    assert [warning.setting for warning in settings.warnings] == ["MIGRATE"]
    assert dev(MIGRATE="1", DATABASE_URL="postgresql://h/db").warnings == ()


def test_any_free_port_may_be_asked_for_twice() -> None:
    settings = dev(GRPC_PORT="0", HTTP_PORT="0")
    assert (settings.grpc_port, settings.http_port) == (0, 0)


def test_times_have_units() -> None:
    settings = dev(
        ACCESS_TOKEN_EXPIRE_MINUTES="15",
        REFRESH_TOKEN_EXPIRE_DAYS="30",
        SESSION_MAX_DAYS="30",
        REFRESH_GRACE_SECONDS="0",
        CLOCK_LEEWAY_SECONDS="60",
    )
    assert settings.access_token_lifetime == timedelta(minutes=15)
    assert settings.refresh_token_lifetime == timedelta(days=30)
    assert settings.session_lifetime == timedelta(days=30)
    assert settings.refresh_grace == timedelta(0)
    assert settings.clock_leeway == timedelta(minutes=1)


def test_addresses_are_as_grpc_takes_them() -> None:
    assert dev().grpc_address == "127.0.0.1:50051"
    assert dev(GRPC_HOST="::1", GRPC_PORT="1").grpc_address == "[::1]:1"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "localhost.example", "127.1"])  # noqa: S104
def test_beyond_loopback(host: str) -> None:
    assert not is_loopback(host)


def test_settings_are_frozen() -> None:
    settings = dev()
    with pytest.raises(ValidationError):
        setattr(settings, "grpc_port", 1)  # noqa: B010 - the plain assignment is a type error


def test_a_copy_with_the_embedded_stores_remembers_the_rest() -> None:
    copy = dev(GRPC_PORT="7").model_copy(update={"redis_db": 2})
    assert (copy.redis_db, copy.origin("grpc_port")) == (2, "environment")


def test_settings_read_nothing_by_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRPC_PORT", "7")
    assert Settings().grpc_port == 50051
    assert load_settings(dotenv=NOWHERE, mode="dev").grpc_port == 7
