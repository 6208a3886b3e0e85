"""Every caller and every RPC of every service: who is not allowed by name does not get through.

The RPCs are those of the contract, so that a new one is here by itself.
"""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import grpc
import pytest
from support.authority import Served, serving
from support.known_callers import Known, channel_of, serving_known
from support.postgres import Databases
from support.rpcs import EVERY_RPC, Rpc, reason_of

from tokenauthority_server.transport.policy import POLICIES

SERVICES = sorted({rpc.service for rpc in EVERY_RPC})
HEALTH = "grpc.health.v1.Health"
OTHERS = ("TokenService", "AccountService", "AdminService")

# A caller for each service and each RPC alone, one for all, and some in between.
ALLOWED: dict[str, Sequence[str]] = {
    **{f"all-of-{number}": [service] for number, service in enumerate(SERVICES)},
    **{f"only-{number}": [rpc.name] for number, rpc in enumerate(EVERY_RPC)},
    "everything": SERVICES,
    "gateway": ["TokenService", "AccountService/Login", "AccountService/Logout"],
    "full-names": ["tokenauthority.v1.TokenService", "tokenauthority.v1.AdminService/ListUsers"],
}
PASSED = "passed"


def expected(rpcs: Sequence[str], rpc: Rpc, *, health_is_open: bool = True) -> str:
    if health_is_open and rpc.service == HEALTH:
        return PASSED
    named = {name.removeprefix("tokenauthority.v1.") for name in rpcs}
    return PASSED if named & {rpc.service, rpc.name} else "CALLER_NOT_ALLOWED"


async def decided(
    channel: grpc.aio.Channel, metadata: Sequence[tuple[str, str]] = ()
) -> dict[str, str]:
    """What becomes of a call of each RPC: a refusal for who calls, or anything else."""
    refusals = {"CALLER_UNKNOWN", "CALLER_NOT_ALLOWED", "RATE_LIMITED", "UNAVAILABLE"}
    found: dict[str, str] = {}
    for rpc in EVERY_RPC:
        reason = await reason_of(channel, rpc, metadata)
        found[rpc.path] = reason if reason in refusals else PASSED
    return found


@pytest.fixture(scope="module")
def known() -> Known:
    return Known(ALLOWED)


@pytest.fixture(scope="module")
async def by_key(
    databases: Databases, redis_url: str, tmp_path_factory: pytest.TempPathFactory, known: Known
) -> AsyncIterator[Served]:
    folder = tmp_path_factory.mktemp("keys")
    async with (
        databases.fresh() as url,
        serving_known(url, redis_url, folder, known, asks_for_certificates=False) as served,
    ):
        yield served


@pytest.fixture(scope="module")
async def by_certificate(
    databases: Databases, redis_url: str, tmp_path_factory: pytest.TempPathFactory, known: Known
) -> AsyncIterator[Served]:
    folder = tmp_path_factory.mktemp("certificates")
    async with (
        databases.fresh() as url,
        serving_known(url, redis_url, folder, known, asks_for_certificates=True) as served,
    ):
        yield served


def test_the_contract_is_whole() -> None:
    assert {rpc.path for rpc in EVERY_RPC} == set(POLICIES)
    assert set(SERVICES) > {*OTHERS, HEALTH}


@pytest.mark.parametrize("name", ALLOWED)
async def test_a_caller_with_a_key(by_key: Served, known: Known, name: str) -> None:
    found = await decided(by_key.channel, known.metadata(name))
    assert found == {rpc.path: expected(ALLOWED[name], rpc) for rpc in EVERY_RPC}


@pytest.mark.parametrize("name", ["everything", "gateway", "all-of-0", "only-0"])
async def test_a_caller_with_a_service_account(by_key: Served, known: Known, name: str) -> None:
    metadata = (("authorization", f"Bearer {known.cluster.token('wakedock', name)}"),)
    found = await decided(by_key.channel, metadata)
    assert found == {rpc.path: expected(ALLOWED[name], rpc) for rpc in EVERY_RPC}


@pytest.mark.parametrize("name", ["everything", "gateway", "all-of-0", "only-0", "full-names"])
async def test_a_caller_with_a_certificate(by_certificate: Served, known: Known, name: str) -> None:
    by_dns = known.authority.issue(dns=[f"{name}.wakedock.internal"])
    for certificate in (known.certificate(name), by_dns):
        async with channel_of(by_certificate, known, certificate) as channel:
            found = await decided(channel)
        assert found == {rpc.path: expected(ALLOWED[name], rpc) for rpc in EVERY_RPC}


def unknown(rpc: Rpc) -> str:
    return PASSED if rpc.service == HEALTH else "CALLER_UNKNOWN"


async def test_who_is_not_known_sees_health_alone(
    by_key: Served, by_certificate: Served, known: Known
) -> None:
    everywhere = {rpc.path: unknown(rpc) for rpc in EVERY_RPC}
    assert await decided(by_key.channel) == everywhere
    assert await decided(by_certificate.channel) == everywhere
    stranger = (("authorization", f"Bearer {known.cluster.token('elsewhere', 'everything')}"),)
    assert await decided(by_key.channel, stranger) == everywhere


async def test_health_can_be_closed(
    database_url: str, redis_url: str, tmp_path: Path, known: Known
) -> None:
    async with serving_known(
        database_url,
        redis_url,
        tmp_path,
        known,
        asks_for_certificates=False,
        HEALTH_REQUIRES_CALLER="true",
    ) as served:
        assert set((await decided(served.channel)).values()) == {"CALLER_UNKNOWN"}
        for name in ("everything", "gateway", f"all-of-{SERVICES.index(HEALTH)}"):
            found = await decided(served.channel, known.metadata(name))
            assert found == {
                rpc.path: expected(ALLOWED[name], rpc, health_is_open=False) for rpc in EVERY_RPC
            }


@pytest.mark.parametrize("dev", [True, False])
async def test_without_a_file_administration_is_for_dev_alone(
    database_url: str, redis_url: str, *, dev: bool
) -> None:
    async with serving(database_url, redis_url, dev=dev, REFLECTION="true") as served:
        found = await decided(served.channel)
        (line, *_) = await served.logged("call", method="/tokenauthority.v1.TokenService/Revoke")
    refused = {path for path, reason in found.items() if reason != PASSED}
    administration = {rpc.path for rpc in EVERY_RPC if rpc.service == "AdminService"}
    assert refused == (set() if dev else administration)
    assert {found[path] for path in refused} <= {"CALLER_NOT_ALLOWED"}
    assert line["caller"] == "anonymous"
