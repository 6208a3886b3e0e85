"""`tokenauthority callers` makes keys, and explains what is decided."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from support.commands import HERE, Finished, run

from tokenauthority_server.domain.caller_keys import digest_of, is_caller_key

FILE = """# who may call
[callers.wakedock-api]
dns = "api.wakedock.internal"
rpcs = [
  "TokenService",
  "AccountService/Login",
]
rights = ["write_profiles"]
reasons = ["LOGOUT", "ADMIN"]
rate = "500/s"

[callers.dashboard]
dns = "dashboard.wakedock.internal"
rpcs = ["TokenService/Validate"]
reasons = []
"""


@pytest.fixture
def callers(tmp_path: Path) -> Path:
    path = tmp_path / "callers.toml"
    path.write_text(FILE)
    return path


def asked(file: Path, *arguments: str, **settings: str) -> Finished:
    """Run a command on this file, from a folder that has no settings of its own."""
    return run(
        HERE / "tokenauthority",
        "callers",
        *arguments,
        folder=file.parent,
        settings={"CALLERS_FILE": str(file), **settings},
    )


def test_a_new_key_is_told_once_with_the_lines_for_the_file(tmp_path: Path) -> None:
    before = set(tmp_path.iterdir())
    made = run(HERE / "tokenauthority", "callers", "new", "shop", folder=tmp_path)
    assert made.code == 0
    (key,) = re.findall(r"^  (tac_\S+)$", made.text, re.MULTILINE)
    assert is_caller_key(key)
    assert made.text.count(key) == 1
    lines = made.text[made.text.index("[callers.shop]") :]
    assert f'key_sha256 = ["{digest_of(key).hex()}"]' in lines
    assert set(tmp_path.iterdir()) == before
    # They are lines that the file takes.
    path = tmp_path / "callers.toml"
    path.write_text(lines)
    assert asked(path, "list") == Finished(0, "shop: TokenService\n")


def test_no_key_is_made_for_a_name_that_cannot_be(tmp_path: Path) -> None:
    made = run(HERE / "tokenauthority", "callers", "new", "Shop", folder=tmp_path)
    assert made.code == 2
    assert "is no name for a caller" in made.text
    assert "tac_" not in made.text


@pytest.mark.parametrize(
    ("name", "rpc", "told"),
    [
        (
            "wakedock-api",
            "TokenService/Revoke",
            [
                'allowed: by "TokenService" (FILE:5)',
                "rights: write_profiles",
                "reasons: ADMIN, LOGOUT",
                "rate: 500/s",
            ],
        ),
        (
            "wakedock-api",
            "tokenauthority.v1.AccountService/Login",
            [
                'allowed: by "AccountService/Login" (FILE:6)',
                "rights: write_profiles",
                "reasons: ADMIN, LOGOUT",
                "rate: 20/s",
            ],
        ),
        (
            "dashboard",
            "TokenService/Validate",
            [
                'allowed: by "TokenService/Validate" (FILE:14)',
                "rights: none",
                "reasons: none",
                "rate: unlimited",
            ],
        ),
        (
            "dashboard",
            "grpc.health.v1.Health/Check",
            ["allowed: to everybody, since HEALTH_REQUIRES_CALLER is not true"],
        ),
    ],
)
def test_what_is_allowed_is_told_with_its_line(
    callers: Path, name: str, rpc: str, told: Sequence[str]
) -> None:
    done = asked(callers, "check", name, rpc)
    assert (done.code, done.text.replace(str(callers), "FILE").splitlines()) == (0, told)


@pytest.mark.parametrize("rpc", ["TokenService/Revoke", "AdminService/PutUser"])
def test_what_is_not_allowed_ends_with_1(callers: Path, rpc: str) -> None:
    done = asked(callers, "check", "dashboard", rpc)
    assert done.code == 1
    told = f"not allowed: the rpcs of dashboard ({callers}:12) do not name {rpc} or its service\n"
    assert done.text == told


def test_health_may_be_closed(callers: Path) -> None:
    rpc = "grpc.health.v1.Health/Check"
    assert asked(callers, "check", "dashboard", rpc, HEALTH_REQUIRES_CALLER="true").code == 1


@pytest.mark.parametrize(
    ("name", "rpc", "told"),
    [
        ("nobody", "TokenService/Validate", "has no caller 'nobody'. It has wakedock-api"),
        ("dashboard", "TokenService/Valdate", 'Was "TokenService/Validate" meant?'),
        ("dashboard", "TokenService", "is a service. Give one of its RPCs"),
    ],
)
def test_what_is_not_there_ends_with_2(callers: Path, name: str, rpc: str, told: str) -> None:
    done = asked(callers, "check", name, rpc)
    assert done.code == 2
    assert told in done.text


def test_all_callers_are_listed(callers: Path) -> None:
    assert asked(callers, "list").text.splitlines() == [
        "dashboard: TokenService/Validate",
        "wakedock-api: TokenService, AccountService/Login",
    ]


def test_a_bad_file_is_told_line_by_line(callers: Path) -> None:
    callers.write_text(FILE.replace('"500/s"', '"often"').replace("dashboard.", "dash_board."))
    for arguments in (["list"], ["check", "dashboard", "TokenService/Validate"]):
        done = asked(callers, *arguments)
        assert done.code == 2
        assert re.findall(r"callers\.toml:(\d+): ", done.text) == ["10", "13"]


def test_check_config_and_a_start_look_at_the_file(callers: Path) -> None:
    callers.write_text(FILE + "other = 1\n")
    settings = {
        "CALLERS_FILE": str(callers),
        "DATABASE_URL": "postgresql://127.0.0.1:1/none",
        "REDIS_URL": "redis://127.0.0.1:1",
        "KEY_ENCRYPTION_KEY": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
    }
    for command in ("check-config", "serve"):
        done = run(HERE / "tokenauthority", command, folder=callers.parent, settings=settings)
        assert done.code == 2, done.text
        assert f"CALLERS_FILE: {callers}:16: callers.dashboard.other is not known" in done.text


def test_without_a_file_there_is_nothing_to_check(tmp_path: Path) -> None:
    done = run(HERE / "tokenauthority", "callers", "list", folder=tmp_path)
    assert done.code == 2
    assert done.text.startswith("CALLERS_FILE: is required by callers")
