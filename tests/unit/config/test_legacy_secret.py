"""The secret of the platform's old tokens, and the day until which they are accepted."""

import base64
import io
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from tokenauthority_server.config import ConfigurationError, Settings, load_settings
from tokenauthority_server.config.rendering import render_settings

SECRET = "9nR4sVq7tYw2zXc5vBm8kLj3hGf6dSa1"
OURS = "v3JkQm8sT1xWzL5nRb7YpC2dHf9GaE4u"
SEALING = base64.b64encode(bytes(range(32))).decode()
NOWHERE = Path("/nonexistent/.env")
UNTIL = "2999-12-31"


def dev(**given: str) -> Settings:
    return load_settings(given, NOWHERE, mode="dev")


def faults(**given: str) -> dict[str, str]:
    with pytest.raises(ConfigurationError) as caught:
        dev(**given)
    for name in ("LEGACY_JWT_SECRET_KEY", "LEGACY_JWT_UNTIL"):
        assert given.get(name, "not given") not in str(caught.value)
    return {fault.setting: fault.problem for fault in caught.value.faults}


def test_both_together_are_taken() -> None:
    settings = dev(LEGACY_JWT_SECRET_KEY=SECRET, LEGACY_JWT_UNTIL="2999-12-31")
    assert settings.legacy_jwt_secret_key.get_secret_value() == SECRET
    assert settings.legacy_jwt_until == date(2999, 12, 31)
    assert settings.warnings == ()


def test_neither_is_usual() -> None:
    settings = dev()
    assert not settings.legacy_jwt_secret_key
    assert settings.legacy_jwt_until is None
    assert dev(LEGACY_JWT_SECRET_KEY="", LEGACY_JWT_UNTIL="").legacy_jwt_until is None


def test_the_secret_may_come_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET + "\n")
    settings = dev(LEGACY_JWT_SECRET_KEY_FILE=f"{tmp_path}/secret", LEGACY_JWT_UNTIL=UNTIL)
    assert settings.legacy_jwt_secret_key.get_secret_value() == SECRET


def test_each_needs_the_other() -> None:
    alone = faults(LEGACY_JWT_SECRET_KEY=SECRET)
    assert alone.keys() == {"LEGACY_JWT_UNTIL"}
    assert "is required with LEGACY_JWT_SECRET_KEY" in alone["LEGACY_JWT_UNTIL"]
    alone = faults(LEGACY_JWT_UNTIL=UNTIL)
    assert alone.keys() == {"LEGACY_JWT_UNTIL"}
    assert "is of no use without LEGACY_JWT_SECRET_KEY" in alone["LEGACY_JWT_UNTIL"]


@pytest.mark.parametrize(
    "day",
    ["soon", "2999-02-30", "2999-13-01", "29991231", "2999-W01-1", "32472144000", "31.12.2999",
     "2999-12-31T00:00:00", " 2999-12-31", "2999-12-31 ", "-999", "\uff12999-12-31"],
)  # fmt: skip
def test_a_day_is_written_in_one_way(day: str) -> None:
    found = faults(LEGACY_JWT_SECRET_KEY=SECRET, LEGACY_JWT_UNTIL=day)
    told = "must be a day of the calendar, written as in 2027-12-31"
    assert found == {"LEGACY_JWT_UNTIL": told}


@pytest.mark.parametrize(
    ("secret", "told"),
    [
        ("x" * 31, "must have at least 32 bytes"),
        ("abc" * 20, "repeats a few characters"),
        ("Your-Secret-Key-Change-In-Production", "is a well-known example"),
        ("-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQ", "is the text of a key"),
        ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6", "is the text of a key"),
        (OURS, "is JWT_SECRET_KEY too"),
        (SEALING, "is one of KEY_ENCRYPTION_KEY's"),
        (SEALING.rstrip("="), "is one of KEY_ENCRYPTION_KEY's"),
        (f" {SEALING}", "is one of KEY_ENCRYPTION_KEY's"),
    ],
)
@pytest.mark.parametrize("algorithm", ["ES256", "HS256"])
def test_a_secret_that_others_could_have_is_refused(algorithm: str, secret: str, told: str) -> None:
    found = faults(
        KEY_ENCRYPTION_KEY=f"{base64.b64encode(bytes(range(1, 33))).decode()}, {SEALING}",
        JWT_ALGORITHM=algorithm,
        JWT_SECRET_KEY=OURS,
        LEGACY_JWT_SECRET_KEY=secret,
        LEGACY_JWT_UNTIL=UNTIL,
    )
    assert found.keys() == {"LEGACY_JWT_SECRET_KEY"}
    assert told in found["LEGACY_JWT_SECRET_KEY"]


def test_a_day_that_has_passed_is_warned_about() -> None:
    today = datetime.now(UTC).date()
    given = {
        day: dev(LEGACY_JWT_SECRET_KEY=SECRET, LEGACY_JWT_UNTIL=day.isoformat()).warnings
        for day in (today - timedelta(days=1), today + timedelta(days=1))
    }
    (warning,), none = given.values()
    assert warning.setting == "LEGACY_JWT_UNTIL"
    assert "Unset it together with LEGACY_JWT_SECRET_KEY" in warning.problem
    assert none == ()


def test_the_commands_beside_a_server_do_not_look_at_them() -> None:
    given = {"DATABASE_URL": "postgresql://h/db", "LEGACY_JWT_UNTIL": "soon"}
    assert load_settings(given, NOWHERE, mode="migrate").legacy_jwt_until is None


def test_the_table_shows_the_day_and_not_the_secret() -> None:
    for settings, day in (
        (dev(), "not set"),
        (dev(LEGACY_JWT_SECRET_KEY=SECRET, LEGACY_JWT_UNTIL=UNTIL), UNTIL),
    ):
        output = io.StringIO()
        Console(file=output, width=200).print(render_settings(settings))
        text = output.getvalue()
        assert SECRET not in text + repr(settings)
        (line,) = (one for one in text.splitlines() if "LEGACY_JWT_UNTIL" in one)
        assert day in line
