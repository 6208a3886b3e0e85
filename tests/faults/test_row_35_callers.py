"""Row 35: whose certificate is not exactly an allowed one is nobody, and may do nothing but ask
for health; and who is somebody may do what is allowed to it by name.

That certificates of other authorities, expired ones and none at all do not get as far as this is
in tests/integration/test_tls.py; all RPCs by all callers are in test_caller_matrix.py there.
"""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import grpc
import pytest
from support.authority import Served
from support.certificates import CertificateAuthority, Issued
from support.failures import failure_of
from support.known_callers import TRUST, Known, channel_of, serving_known, uri_of
from support.postgres import Databases
from support.rpcs import EVERY_RPC, Rpc, reason_of

from tokenauthority.v1 import token_service_pb2 as pb
from tokenauthority.v1.token_service_pb2_grpc import TokenServiceStub

RPCS = {rpc.name: rpc for rpc in EVERY_RPC}
KEYS, REVOKE = RPCS["TokenService/GetPublicKeys"], RPCS["TokenService/Revoke"]
REFLECTION = [rpc for rpc in EVERY_RPC if "reflection" in rpc.path]
HEALTH = RPCS["grpc.health.v1.Health/Check"]

KNOWN = Known(
    {
        "api": ["TokenService"],
        "web": ["TokenService/GetPublicKeys"],
        "tools": ["grpc.reflection.v1.ServerReflection"],
    }
)
AUTHORITY = KNOWN.authority


@pytest.fixture(scope="module")
async def served(
    databases: Databases, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Served]:
    folder = tmp_path_factory.mktemp("row-35")
    async with (
        databases.fresh() as url,
        serving_known(url, redis_url, folder, KNOWN, asks_for_certificates=True) as served,
    ):
        yield served


async def asked(served: Served, certificate: Issued, rpc: Rpc = KEYS) -> str:
    async with channel_of(served, KNOWN, certificate) as channel:
        return await reason_of(channel, rpc)


@pytest.mark.parametrize(
    "certificate",
    [
        AUTHORITY.issue(uris=[uri_of("api")]),
        AUTHORITY.issue(dns=["api.wakedock.internal"]),
        AUTHORITY.issue(dns=["API.wakedock.INTERNAL", "elsewhere"]),
        AUTHORITY.issue(uris=[uri_of("api")], dns=["web.wakedock.internal"], common_name="web"),
        AUTHORITY.intermediate().issue(uris=[uri_of("api")]),
    ],
)
async def test_an_allowed_name_is_let_in(served: Served, certificate: Issued) -> None:
    assert await asked(served, certificate) == ""


# Guard: compared by its beginning, a URI that an allowed one begins with was let in, and with the
# first of several URIs taken, whoever may ask for a second one was anybody.
UNKNOWN = {
    "the beginning of an allowed URI": AUTHORITY.issue(uris=[uri_of("ap")]),
    "an allowed URI and more": AUTHORITY.issue(uris=[uri_of("api2")]),
    "a path below an allowed URI": AUTHORITY.issue(uris=[f"{uri_of('api')}/x"]),
    "a slash at the end": AUTHORITY.issue(uris=[f"{uri_of('api')}/"]),
    "the path alone": AUTHORITY.issue(uris=["spiffe://elsewhere/ns/wakedock/sa/api"]),
    "another case": AUTHORITY.issue(uris=[uri_of("API")]),
    "a query": AUTHORITY.issue(uris=[f"{uri_of('api')}?a=b"]),
    "two URIs": AUTHORITY.issue(uris=[uri_of("api"), f"{TRUST}/other"]),
    "two URIs, the allowed one last": AUTHORITY.issue(uris=[f"{TRUST}/other", uri_of("api")]),
    "the same URI twice": AUTHORITY.issue(uris=[uri_of("api")] * 2),
    "two allowed URIs": AUTHORITY.issue(uris=[uri_of("api"), uri_of("web")]),
    "a URI of nobody beside an allowed DNS name": AUTHORITY.issue(
        uris=[f"{TRUST}/other"], dns=["api.wakedock.internal"]
    ),
    "the DNS names of two callers": AUTHORITY.issue(
        dns=["api.wakedock.internal", "web.wakedock.internal"]
    ),
    "the beginning of an allowed DNS name": AUTHORITY.issue(dns=["api.wakedock"]),
    "the end of one": AUTHORITY.issue(dns=["wakedock.internal"]),
    "a name below one": AUTHORITY.issue(dns=["x.api.wakedock.internal"]),
    "a wildcard": AUTHORITY.issue(dns=["*.wakedock.internal"]),
    "a dot at the end": AUTHORITY.issue(dns=["api.wakedock.internal."]),
    "an allowed URI as a DNS name": AUTHORITY.issue(dns=[uri_of("api")]),
    "an allowed DNS name as a URI": AUTHORITY.issue(uris=["dns://api.wakedock.internal"]),
    "an allowed name as the common name": AUTHORITY.issue(common_name="api.wakedock.internal"),
    "the caller's own name": AUTHORITY.issue(dns=["api"], common_name="api"),
    "no name": AUTHORITY.issue(),
}


@pytest.mark.parametrize("kind", UNKNOWN)
async def test_any_other_name_is_nobody(served: Served, kind: str) -> None:
    async with channel_of(served, KNOWN, UNKNOWN[kind]) as channel:
        for rpc in (KEYS, REVOKE, *REFLECTION):
            assert await reason_of(channel, rpc) == "CALLER_UNKNOWN"
        assert await reason_of(channel, HEALTH) == ""


async def test_nobody_is_told_why(served: Served) -> None:
    texts = set()
    for certificate in UNKNOWN.values():
        async with channel_of(served, KNOWN, certificate) as channel:
            call = TokenServiceStub(channel).GetPublicKeys(pb.GetPublicKeysRequest())
            failure = await failure_of(call)
            texts.add(failure.text)
            assert failure.code is grpc.StatusCode.UNAUTHENTICATED
            assert set(failure.infos[0].metadata) == {"request_id"}
    assert texts == {"the authority does not know who calls"}


async def test_another_authoritys_certificate_is_none(served: Served) -> None:
    other = CertificateAuthority().issue(uris=[uri_of("api")])
    expired = AUTHORITY.issue(uris=[uri_of("api")], ends=-timedelta(hours=1))
    for certificate in (other, expired, None):
        async with channel_of(served, KNOWN, certificate) as channel:
            assert await reason_of(channel, KEYS) == "UNAVAILABLE"
            assert await reason_of(channel, HEALTH) == "UNAVAILABLE"


@pytest.mark.parametrize("name", ["web", "tools"])
async def test_the_right_name_for_the_wrong_method(served: Served, name: str) -> None:
    allowed = {KEYS, HEALTH} if name == "web" else {HEALTH, REFLECTION[-1]}
    async with channel_of(served, KNOWN, KNOWN.certificate(name)) as channel:
        for rpc in (KEYS, REVOKE, HEALTH, *REFLECTION):
            told = await reason_of(channel, rpc)
            assert told == ("" if rpc in allowed else "CALLER_NOT_ALLOWED"), rpc


async def test_a_certificate_and_a_key_of_two_callers(served: Served) -> None:
    async with channel_of(served, KNOWN, KNOWN.certificate("api")) as channel:
        assert await reason_of(channel, KEYS, KNOWN.metadata("api")) == ""
        assert await reason_of(channel, KEYS, KNOWN.metadata("web")) == "CALLER_UNKNOWN"
        assert await reason_of(channel, KEYS, [("authorization", "Bearer x")]) == "CALLER_UNKNOWN"
    # Of a certificate that names nobody no more is asked than that.
    async with channel_of(served, KNOWN, AUTHORITY.issue(dns=["mesh"])) as channel:
        assert await reason_of(channel, KEYS, KNOWN.metadata("web")) == ""
        assert await reason_of(channel, REVOKE, KNOWN.metadata("web")) == "CALLER_NOT_ALLOWED"
    # But one that contradicts itself spoils a good key.
    async with channel_of(served, KNOWN, UNKNOWN["two URIs"]) as channel:
        assert await reason_of(channel, KEYS, KNOWN.metadata("api")) == "CALLER_UNKNOWN"


async def test_whoever_is_taken_out_of_the_file_is_out(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    async with serving_known(
        database_url, redis_url, tmp_path, KNOWN, asks_for_certificates=True
    ) as served:
        async with channel_of(served, KNOWN, KNOWN.certificate("web")) as channel:
            assert await reason_of(channel, KEYS) == ""
            without = {name: rpcs for name, rpcs in KNOWN.allowed.items() if name != "web"}
            Known(without, cluster=KNOWN.cluster, keys=KNOWN.keys).write(tmp_path)
            await served.logged("the callers' file has changed")
            # On the connection that it had, too.
            assert await reason_of(channel, KEYS) == "CALLER_UNKNOWN"
            (tmp_path / "callers.toml").write_text("nonsense")
            await served.logged("the callers' file is bad, the last good one stays")
            assert await served.samples("tokenauthority_callers_file_good") == {(): 0}
        async with channel_of(served, KNOWN, KNOWN.certificate("api")) as channel:
            assert await reason_of(channel, KEYS) == ""
