"""What a person gets wrong is told in plain lines, and by the exit code."""

import socket
from collections.abc import Mapping
from pathlib import Path

import pytest
from support.certificates import CertificateAuthority, Issued
from support.commands import HERE, KEY, run
from support.key_files import assert_kept, jwk, new_key, pem
from support.tls import TlsFolder

PROGRAM = HERE / "tokenauthority"


@pytest.fixture
def settings(database_url: str, redis_url: str) -> dict[str, str]:
    return {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "KEY_ENCRYPTION_KEY": KEY}


def test_every_fault_of_the_configuration_is_told_at_once() -> None:
    done = run(
        PROGRAM,
        "serve",
        settings={
            "REDIS_URL": "http://elsewhere",
            "KEY_ENCRYPTION_KEY": "c2hvcnQ=",
            "GRPC_PORT": "many",
            "ACCESS_TOKEN_EXPIRE_MINUTES": "0",
            "TLS_CERT_FILE": "server.pem",
        },
    )
    assert done.code == 2
    assert [line.partition(":")[0] for line in done.text.splitlines()] == [
        "DATABASE_URL",
        "REDIS_URL",
        "GRPC_PORT",
        "TLS_KEY_FILE",
        "KEY_ENCRYPTION_KEY",
        "ACCESS_TOKEN_EXPIRE_MINUTES",
    ]
    assert "c2hvcnQ=" not in done.text


def test_a_port_that_is_taken_is_named(settings: Mapping[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for name in ("GRPC_PORT", "HTTP_PORT"):
            done = run(PROGRAM, "serve", settings={**settings, "LOG_LEVEL": "error", name: port})
            assert done.code == 1
            assert done.text.startswith(f"{name}: cannot listen on 127.0.0.1:{port}"), done
            assert done.text.count("\n") == 1


def test_a_key_that_opens_nothing_stops_the_start(settings: Mapping[str, str]) -> None:
    other = KEY.replace("A", "B")
    assert run(PROGRAM, "migrate", settings=settings).code == 0
    made = run(
        HERE / "python",
        "-c",
        "import asyncio\n"
        "from tokenauthority_server.app import running\n"
        "from tokenauthority_server.config import load_settings\n"
        "async def main():\n"
        "    async with running(load_settings(mode='serve')) as authority:\n"
        "        await authority.become_ready()\n"
        "asyncio.run(main())\n",
        settings=settings,
    )
    assert made.code == 0, made.text
    changed = {**settings, "KEY_ENCRYPTION_KEY": other, "LOG_LEVEL": "error"}
    done = run(PROGRAM, "serve", settings=changed)
    assert done.code == 2
    assert "KEY_ENCRYPTION_KEY" in done.text
    assert "Traceback" not in done.text


@pytest.mark.parametrize("command", ["serve", "check-config"])
def test_every_fault_of_keys_in_files_is_told_at_once(
    settings: Mapping[str, str], tmp_path: Path, command: str
) -> None:
    (tmp_path / "1.pem").write_bytes(pem(new_key())[:-60])
    (tmp_path / "2.jwk").write_bytes(jwk(new_key(), key_ops=["verify"]))
    (tmp_path / "3.key").touch()
    given = {**settings, "LOG_LEVEL": "error", "SIGNING_KEYS_DIR": str(tmp_path)}
    done = run(PROGRAM, command, settings=given)
    assert done.code == 2
    assert [line.partition(" is ")[0] for line in done.text.splitlines()] == [
        f"SIGNING_KEYS_DIR: {tmp_path}/{name}" for name in ("1.pem", "2.jwk", "3.key")
    ]


@pytest.mark.parametrize("command", ["serve", "check-config"])
def test_every_fault_of_all_files_is_told_at_once(
    settings: Mapping[str, str], tmp_path: Path, command: str
) -> None:
    ca = CertificateAuthority()
    folder = TlsFolder(tmp_path / "tls", Issued(ca.server().certificate, ca.server().key), b"none")
    given = {**settings, **folder.settings, "LOG_LEVEL": "error", "SIGNING_KEYS_DIR": "/none"}
    done = run(PROGRAM, command, settings=given)
    assert done.code == 2
    key, authorities, keys = done.text.splitlines()
    assert key == (
        f"TLS_KEY_FILE: {folder.path('key')} does not hold the key of the certificate in "
        "TLS_CERT_FILE"
    )
    assert authorities.startswith(f"TLS_CLIENT_CA_FILE: {folder.path('client_ca')} holds no ")
    assert keys.startswith("SIGNING_KEYS_DIR: /none cannot be read")


def test_a_mismatched_pair_alone_is_told(settings: Mapping[str, str], tmp_path: Path) -> None:
    ca = CertificateAuthority()
    folder = TlsFolder(tmp_path / "tls", Issued(ca.server().certificate, ca.server().key))
    done = run(PROGRAM, "serve", settings={**settings, **folder.settings, "LOG_LEVEL": "error"})
    assert done.code == 2
    assert done.text.startswith("TLS_KEY_FILE: ")
    assert done.text.count("\n") == 1
    assert_kept(folder.path("key").read_bytes(), done.text)


def test_good_files_of_tls_are_good(settings: Mapping[str, str], tmp_path: Path) -> None:
    ca = CertificateAuthority()
    folder = TlsFolder(tmp_path / "tls", ca.server(), ca.certificate)
    done = run(PROGRAM, "check-config", settings={**settings, **folder.settings})
    assert done.code == 0
    assert "TLS_CLIENT_CA_FILE" in done.text
    assert "PRIVATE KEY" not in done.text


def test_good_keys_in_files_are_good(settings: Mapping[str, str], tmp_path: Path) -> None:
    (tmp_path / "1.pem").write_bytes(pem(new_key()))
    given = {**settings, "SIGNING_KEYS_DIR": str(tmp_path)}
    done = run(PROGRAM, "check-config", settings=given)
    assert done.code == 0
    assert "SIGNING_KEYS_DIR" in done.text


def test_a_database_that_is_away_is_told_without_its_password() -> None:
    done = run(
        PROGRAM,
        "migrate",
        settings={"DATABASE_URL": "postgresql://ann:hidden@127.0.0.1:1/none"},
    )
    assert done.code == 1
    assert "cannot be migrated" in done.text
    assert "hidden" not in done.text
    assert "Traceback" not in done.text


def test_settings_are_shown_without_their_secrets(settings: Mapping[str, str]) -> None:
    done = run(PROGRAM, "check-config", settings=settings)
    assert done.code == 0
    assert KEY not in done.text
    assert settings["DATABASE_URL"] not in done.text
    assert "KEY_ENCRYPTION_KEY" in done.text
