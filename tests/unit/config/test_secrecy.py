"""No secret in anything that a person or a log may see."""

import base64
import io
import traceback
from pathlib import Path

import pytest
from rich.console import Console

from tokenauthority_server.config import ConfigurationError, Settings, load_settings
from tokenauthority_server.config.addresses import masked
from tokenauthority_server.config.rendering import render_settings

KEY = base64.b64encode(bytes(range(32))).decode()
SIGNING = "v3JkQm8sT1xWzL5nRb7YpC2dHf9GaE4u"
PASSWORDS = ("hunter2", "swordfish", "opensesame")
GIVEN = {
    "DATABASE_URL": "postgresql://ta:hunter2@db.internal/authority?sslpassword=opensesame",
    "REDIS_URL": "redis://:swordfish@cache.internal:6379/1",
    "KEY_ENCRYPTION_KEY": KEY,
    "JWT_SECRET_KEY": SIGNING,
    "JWT_ALGORITHM": "HS256",
}
NOWHERE = Path("/nonexistent/.env")


def rendered(settings: Settings) -> str:
    output = io.StringIO()
    Console(file=output, width=200).print(render_settings(settings))
    return output.getvalue()


def assert_kept(text: str) -> None:
    for secret in (*PASSWORDS, KEY, SIGNING):
        assert secret not in text


def test_settings_never_show_a_secret() -> None:
    settings = load_settings(GIVEN, NOWHERE, mode="serve")
    for text in (
        repr(settings),
        str(settings),
        str(settings.model_dump()),
        settings.model_dump_json(),
        rendered(settings),
        str(vars(settings)),
    ):
        assert_kept(text)


def test_the_table_shows_all_the_rest_and_where_it_came_from(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(KEY)
    given = {name: value for name, value in GIVEN.items() if not name.startswith("KEY_")}
    given |= {"KEY_ENCRYPTION_KEY_FILE": f"{tmp_path}/key", "GRPC_HOST": "::1"}
    (tmp_path / ".env").write_text("HTTP_PORT=1\n")
    settings = load_settings(given, tmp_path / ".env", mode="serve")
    rows = {
        name: (value, origin)
        for line in rendered(settings).splitlines()
        if line.startswith("│")
        for name, value, origin in [[cell.strip() for cell in line.strip("│").split("│")]]
    }
    assert rows.keys() == {name.upper() for name in Settings.model_fields}
    assert rows["DATABASE_URL"] == (
        "postgresql://ta:***@db.internal/authority?sslpassword=***",
        "environment",
    )
    assert rows["REDIS_URL"] == ("redis://:***@cache.internal:6379/1", "environment")
    assert rows["REDIS_DB"] == ("1", "default")
    assert rows["KEY_ENCRYPTION_KEY"] == ("********", f"file {tmp_path}/key")
    assert rows["GRPC_HOST"] == ("::1", "environment")
    assert rows["HTTP_PORT"] == ("1", ".env")
    assert rows["REFLECTION"] == ("false", "default")


def test_the_table_says_what_is_not_set() -> None:
    table = rendered(load_settings({}, NOWHERE, mode="dev"))
    assert "not set" in table
    assert "None" not in table


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("redis://swordfish@h", "redis://***@h"),
        ("redis://h?password=swordfish&db=1", "redis://h?password=***&db=1"),
        ("redis://h?p%61ssword=swordfish", "redis://h?password=***"),
        (
            "redis+sentinel://u:swordfish@h1,h2/a/1?sentinel_username=s&sentinel_password=swordfish",
            "redis+sentinel://u:***@h1,h2/a/1?sentinel_username=s&sentinel_password=***",
        ),
        ("postgresql://a@h1:1,h2:2/db", "postgresql://***@h1:1,h2:2/db"),
        ("postgresql:///db?host=/run/pg", "postgresql:///db?host=/run/pg"),
    ],
)
def test_addresses_are_shown_without_their_passwords(address: str, shown: str) -> None:
    assert masked(address) == shown


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("DATABASE_URL", "postgresql://ta:hunter2#@h/db"),
        ("DATABASE_URL", "postgresql://ta:hunter2/x@h/db"),
        ("DATABASE_URL", "postgresql://ta:1/hunter2@h/db"),
        ("DATABASE_URL", "postgresql://ta:1?hunter2@h/db"),
        ("DATABASE_URL", "postgresql://ta:[hunter2@h/db"),
        ("DATABASE_URL", "postgresql://ta:hunter2℀@h/db"),  # what NFKC turns into a slash
        ("DATABASE_URL", "postgresql://h/db?sslmode=hunter2"),
        ("DATABASE_URL", "hunter2"),
        ("REDIS_URL", "redis://:swordfish@h:x"),
        ("REDIS_URL", "redis://:1/swordfish@h:6379"),
        ("REDIS_URL", "sentinel://:swordfish@h:6379"),
        ("REDIS_URL", "redis+sentinel://:swordfish@h:26379"),
        ("REDIS_DB", "redis://:swordfish@h"),
        ("GRPC_PORT", "swordfish"),
        ("GRPC_HOST", ":swordfish@h"),
        ("JWT_ALGORITHM", SIGNING),
        ("JWT_SECRET_KEY", SIGNING[:31]),
        ("JWT_SECRET_KEY", "opensesame" * 10),
        ("JWT_SECRET_KEY", SIGNING + "\udcff"),
        ("KEY_ENCRYPTION_KEY", f"{KEY},{KEY}"),
        ("KEY_ENCRYPTION_KEY", SIGNING),
        ("LOG_LEVEL", SIGNING),
        ("TLS_KEY_FILE", SIGNING),
        ("LEGACY_JWT_SECRET_KEY", SIGNING),
        ("DATABASE_URL_FILE", "postgresql://ta:hunter2@h/db"),
        ("REDIS_URL_FILE", "swordfish"),
        ("KEY_ENCRYPTION_KEY_FILE", KEY),
    ],
)
def test_a_fault_never_shows_the_value(setting: str, value: str) -> None:
    given = GIVEN | {setting: value}
    given.pop(setting.removesuffix("_FILE") if setting.endswith("_URL_FILE") else "", None)
    if setting == "KEY_ENCRYPTION_KEY_FILE":
        del given["KEY_ENCRYPTION_KEY"]
    with pytest.raises(ConfigurationError) as caught:
        load_settings(given, NOWHERE, mode="serve")
    assert setting in {fault.setting for fault in caught.value.faults}
    everything = "".join(traceback.format_exception(caught.value, chain=True)) + repr(caught.value)
    assert_kept(everything)
    assert value not in str(caught.value)
    # Nothing that a reporter of errors would follow to the values.
    assert caught.value.__context__ is None or caught.value.__suppress_context__
