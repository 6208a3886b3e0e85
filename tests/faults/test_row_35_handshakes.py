"""Row 35: no certificate, another authority's, an expired one: none of them gets to a method."""

import ssl
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from pathlib import Path

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from support.authority import Served, serving
from support.callers import create_request
from support.certificates import SERVER, CertificateAuthority, Issued
from support.tls import Peer, TlsFolder, context_of, credentials

from tokenauthority.v1.token_service_pb2_grpc import TokenServiceStub

CA, OTHER = CertificateAuthority(), CertificateAuthority("Another one")
NAMES = ["spiffe://wakedock.internal/ns/wakedock/sa/api"]
GOOD = CA.issue(uris=NAMES, common_name="the good one")
DAY = timedelta(days=1)
ALONE = (("grpc.use_local_subchannel_pool", 1),)


REFUSED: Mapping[str, Issued | None] = {
    "none": None,
    "another authority's": OTHER.issue(uris=NAMES),
    "one of a name like the authority's": CertificateAuthority().issue(uris=NAMES),
    "expired": CA.issue(uris=NAMES, begins=-2 * DAY, ends=-timedelta(seconds=5)),
    "not valid yet": CA.issue(uris=NAMES, begins=DAY),
    "for servers only": CA.issue(uris=NAMES, usage=[SERVER]),
    "issued by a client": CertificateAuthority.of(GOOD).issue(uris=["spiffe://b.example/x"]),
}


@pytest.fixture
async def served(database_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[Served]:
    folder = TlsFolder(tmp_path / "tls", CA.server(), CA.certificate)
    good = credentials(CA.certificate, GOOD)
    async with serving(database_url, redis_url, tls=folder, credentials=good) as served:
        yield served


async def code_of(channel: grpc.aio.Channel) -> grpc.StatusCode:
    """How a call ends that the authority would answer."""
    async with channel:
        try:
            await TokenServiceStub(channel).CreatePair(create_request("u-35"), timeout=5)
        except grpc.aio.AioRpcError as error:
            return error.code()
    return grpc.StatusCode.OK


async def test_a_certificate_of_the_authority_is_let_in(served: Served) -> None:
    below = CA.intermediate().issue(uris=NAMES)
    for client in (GOOD, below):
        channel = grpc.aio.secure_channel(
            served.authority.addresses.grpc, credentials(CA.certificate, client), ALONE
        )
        assert await code_of(channel) is grpc.StatusCode.OK


@pytest.mark.parametrize("which", REFUSED)
async def test_any_other_gets_to_no_method(served: Served, which: str) -> None:
    # Guard: with TLS_CLIENT_CA_FILE left out of the credentials, or not required, all but the
    # plain text get an answer.
    channel = grpc.aio.secure_channel(
        served.authority.addresses.grpc, credentials(CA.certificate, REFUSED[which]), ALONE
    )
    assert await code_of(channel) is grpc.StatusCode.UNAVAILABLE
    # Nothing has come as far as being counted, and the others go on.
    assert sum((await served.samples("grpc_server_started_total")).values()) == 0
    assert await served.health("readiness") == "SERVING"


async def test_health_is_behind_the_handshake_too(served: Served) -> None:
    async with grpc.aio.secure_channel(
        served.authority.addresses.grpc, credentials(CA.certificate), ALONE
    ) as channel:
        check = channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=HealthCheckRequest.SerializeToString,
            response_deserializer=HealthCheckResponse.FromString,
        )
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await check(HealthCheckRequest(service="readiness"), timeout=5)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_plain_text_gets_no_answer(served: Served) -> None:
    channel = grpc.aio.insecure_channel(served.authority.addresses.grpc, ALONE)
    assert await code_of(channel) is grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize(
    ("oldest", "newest", "answered"),
    [
        (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_3, True),
        (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2, True),
        (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1, False),
    ],
)
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1:DeprecationWarning")
async def test_versions_before_1_2_are_refused(
    served: Served,
    tmp_path: Path,
    oldest: ssl.TLSVersion,
    newest: ssl.TLSVersion,
    answered: bool,  # noqa: FBT001 - a case
) -> None:
    context = context_of(tmp_path, CA.certificate, GOOD)
    # Or the client itself would not offer what is old.
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version, context.maximum_version = oldest, newest
    assert await Peer(served.authority.addresses.grpc, context).is_answered() is answered


@pytest.mark.parametrize(
    ("cipher", "answered"),
    [
        ("ECDHE-ECDSA-AES256-GCM-SHA384", True),
        ("ECDHE-ECDSA-AES128-GCM-SHA256", True),
        ("ECDHE-ECDSA-AES128-SHA", False),
        ("AES128-SHA", False),
        ("NULL-SHA256", False),
    ],
)
async def test_tls_1_2_has_only_ciphers_with_forward_secrecy_and_integrity(
    served: Served,
    tmp_path: Path,
    cipher: str,
    answered: bool,  # noqa: FBT001 - a case
) -> None:
    context = context_of(tmp_path, CA.certificate, GOOD)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(f"{cipher}:@SECLEVEL=0")
    assert await Peer(served.authority.addresses.grpc, context).is_answered() is answered


@pytest.mark.parametrize(
    ("protocols", "answered"), [(["h2"], True), ([], False), (["http/1.1"], False)]
)
async def test_whoever_does_not_ask_for_http_2_gets_no_answer(
    served: Served,
    tmp_path: Path,
    protocols: list[str],
    answered: bool,  # noqa: FBT001 - a case
) -> None:
    context = context_of(tmp_path, CA.certificate, GOOD, protocols=protocols)
    assert await Peer(served.authority.addresses.grpc, context).is_answered() is answered
