"""The commands around a server whose port speaks TLS and asks for certificates."""

import signal
import socket
from collections.abc import Mapping
from pathlib import Path

import pytest
from support.certificates import CertificateAuthority, Issued
from support.commands import HERE, KEY, ROOT, Finished, Server, run, server
from support.tls import TlsFolder, credentials

from tokenauthority_client import CallerUnknownError, Subject, TokenAuthorityClient

PROGRAM = HERE / "tokenauthority"
CA = CertificateAuthority()
API = CA.issue(uris=["spiffe://wakedock.internal/ns/wakedock/sa/api"])
OTHER = CA.issue(uris=["spiffe://wakedock.internal/ns/wakedock/sa/other"])
CALLERS = ROOT / "deploy" / "kubernetes" / "callers.toml"
ANN = Subject(user_id="1", username="ann")


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return str(free.getsockname()[1])


@pytest.fixture
def settings(database_url: str, redis_url: str, tmp_path: Path) -> Mapping[str, str]:
    stores = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "KEY_ENCRYPTION_KEY": KEY}
    folder = TlsFolder(tmp_path / "tls", CA.server(), CA.certificate)
    ours = {"HTTP_PORT": free_port(), "DRAIN_SECONDS": "0", "CALLERS_FILE": str(CALLERS)}
    return {**stores, **folder.settings, **ours}


def client_of(serving: Server, certificate: Issued) -> TokenAuthorityClient:
    trusted = credentials(CA.certificate, certificate)
    return TokenAuthorityClient(serving.address("grpc"), credentials=trusted)


async def test_the_callers_of_the_deployment_are_known_by_their_certificates(
    settings: Mapping[str, str], tmp_path: Path
) -> None:
    with server(PROGRAM, "serve", tmp_path / "output", settings, '"event":"ready"') as serving:
        async with client_of(serving, API) as api:
            await api.create_pair(ANN)
        async with client_of(serving, OTHER) as other:
            with pytest.raises(CallerUnknownError):
                await other.create_pair(ANN)


def test_a_server_is_asked_for_its_health_over_http(
    settings: Mapping[str, str], tmp_path: Path
) -> None:
    def healthcheck(name: str) -> Finished:
        return run(PROGRAM, "healthcheck", name, settings=settings)

    output = tmp_path / "output"
    with server(PROGRAM, "serve", output, settings, '"event":"ready"') as serving:
        assert healthcheck("readiness") == Finished(0, "SERVING\n")
        assert healthcheck("liveness") == Finished(0, "SERVING\n")
        assert healthcheck("tokenauthority.v1.TokenService") == Finished(1, "NOT_FOUND\n")
        assert serving.stop(signal.SIGTERM) == 0
        assert "PRIVATE KEY" not in serving.text
    assert healthcheck("readiness") == Finished(1, "UNAVAILABLE\n")
