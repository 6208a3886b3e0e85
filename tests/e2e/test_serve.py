"""`tokenauthority serve` from its wheels, on real stores, as a deployment runs it."""

import shutil
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from support.commands import HERE, KEY, Finished, Server, run, server

from tokenauthority_client import InactiveReason, SessionEndedError, Subject, TokenAuthorityClient

SERVICE = "tokenauthority.v1.TokenService"


@pytest.fixture
def settings(database_url: str, redis_url: str) -> dict[str, str]:
    return {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "KEY_ENCRYPTION_KEY": KEY,
        "REFLECTION": "true",
        "DRAIN_SECONDS": "2",
    }


@pytest.fixture
def serving(installed: Path, settings: Mapping[str, str], tmp_path: Path) -> Iterator[Server]:
    program = installed / "tokenauthority"
    with server(program, "serve", tmp_path / "output", settings, '"event":"ready"') as started:
        yield started


def healthcheck(installed: Path, serving: Server, service: str = "readiness") -> Finished:
    port = serving.address("grpc").rpartition(":")[2]
    return run(installed / "tokenauthority", "healthcheck", service, settings={"GRPC_PORT": port})


async def test_the_main_job_by_the_client(serving: Server) -> None:
    async with TokenAuthorityClient(serving.address("grpc")) as client:
        pair = await client.create_pair(Subject(user_id="1", username="ann", roles=("admin",)))
        first = await client.refresh(pair.refresh_token)
        again = await client.refresh(pair.refresh_token)
        assert (first.replayed, again.replayed) == (False, True)
        verdict = await client.validate(first.pair.access_token)
        assert verdict.claims is not None
        assert verdict.claims.roles == ("admin",)
        assert [one.session_id for one in (await client.list_sessions("1")).sessions] == [
            pair.session_id
        ]
        assert (await client.revoke_user("1")).revoked_sessions == 1
        for token in (pair.access_token, first.pair.access_token):
            assert (await client.validate(token)).reason is InactiveReason.USER_REVOKED
        with pytest.raises(SessionEndedError):
            await client.refresh(first.pair.refresh_token)
    assert "eyJ" not in serving.text


def test_buf_curl_finds_its_way_by_reflection(serving: Server) -> None:
    answer = run(
        *(HERE / "buf", "curl", "--protocol", "grpc", "--http2-prior-knowledge"),
        *("-d", '{"subject": {"user_id": "1", "username": "ann"}}'),
        f"http://{serving.address('grpc')}/{SERVICE}/CreatePair",
    )
    assert answer.code == 0, answer.text
    assert '"refreshToken": "eyJ' in answer.text


@pytest.mark.skipif(shutil.which("grpcurl") is None, reason="grpcurl is not on PATH")
def test_grpcurl_finds_its_way_by_reflection(serving: Server) -> None:
    address = serving.address("grpc")
    listed = run("grpcurl", "-plaintext", address, "list")
    assert SERVICE in listed.text.splitlines()
    refused = run("grpcurl", "-plaintext", "-d", "{}", address, f"{SERVICE}/ListSessions")
    assert '"field": "user_id"' in refused.text


def test_the_health_check_tells_by_its_exit_code(installed: Path, serving: Server) -> None:
    assert healthcheck(installed, serving) == Finished(0, "SERVING\n")
    assert healthcheck(installed, serving, "liveness").code == 0
    assert healthcheck(installed, serving, "no-such-service").code == 1
    assert serving.stop(signal.SIGTERM) == 0
    assert healthcheck(installed, serving) == Finished(1, "UNAVAILABLE\n")


async def test_a_server_that_drains_is_not_ready_and_still_answers(
    installed: Path, serving: Server
) -> None:
    async with TokenAuthorityClient(serving.address("grpc")) as client:
        pair = await client.create_pair(Subject(user_id="1", username="ann"))
        serving.process.send_signal(signal.SIGTERM)
        assert healthcheck(installed, serving) == Finished(1, "NOT_SERVING\n")
        assert await client.validate(pair.access_token)
    assert serving.process.wait(20) == 0


def test_migrating_a_migrated_database_does_nothing(
    installed: Path, settings: Mapping[str, str]
) -> None:
    done = run(installed / "tokenauthority", "migrate", settings=settings)
    assert done == Finished(0, "The schema is current already.\n")
