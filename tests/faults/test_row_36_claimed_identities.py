"""Row 36: who says in metadata that it is somebody, is nobody for it."""

import base64
import itertools
from collections.abc import AsyncIterator, Sequence

import asyncpg
import pytest
from support.authority import Served
from support.known_callers import Known, channel_of, serving_known, uri_of
from support.postgres import Databases
from support.rpcs import EVERY_RPC, reason_of

from tokenauthority.v1 import token_service_pb2 as pb
from tokenauthority.v1.token_service_pb2_grpc import TokenServiceStub
from tokenauthority_server.domain.caller_keys import digest_of

RPCS = {rpc.name: rpc for rpc in EVERY_RPC}
KEYS, REVOKE = RPCS["TokenService/GetPublicKeys"], RPCS["TokenService/Revoke"]
ADMIN = RPCS["AdminService/ListUsers"]
KNOWN = Known(
    {
        "admin": ["AdminService", "TokenService"],
        "web": ["TokenService/GetPublicKeys", "TokenService/CreatePair"],
    },
    {"web": 'rights = ["write_profiles"]'},
)
URI = uri_of("admin")
KEY = KNOWN.key("admin")
BASIC = base64.b64encode(f"admin:{KEY}".encode()).decode()

# What proxies, meshes and frameworks say of callers, and what of it is a guess.
CLAIMS: Sequence[tuple[str, str]] = [
    ("x-caller", "admin"),
    ("x-caller-name", "admin"),
    ("caller", "admin"),
    ("x-user", "admin"),
    ("x-remote-user", "admin"),
    ("x-forwarded-user", "admin"),
    ("x-forwarded-for", "127.0.0.1"),
    ("x-forwarded-host", "admin.wakedock.internal"),
    ("x-forwarded-client-cert", f"By=spiffe://authority;URI={URI};DNS=admin.wakedock.internal"),
    ("x-client-cert-san", URI),
    ("x-ssl-client-s-dn", "CN=admin.wakedock.internal"),
    ("x-ssl-client-verify", "SUCCESS"),
    ("x-spiffe-id", URI),
    ("spiffe-id", URI),
    ("peer_spiffe_id", URI),
    ("x509_uri", URI),
    ("forwarded", "for=127.0.0.1;by=admin"),
    ("via", "1.1 admin.wakedock.internal"),
    ("from", "admin@wakedock.internal"),
    ("cookie", f"authorization=Bearer {KEY}"),
    ("grpc-caller", "admin"),
    ("grpc-tags-bin", "admin"),
    ("x-request-id", "admin"),
    # The right key in the wrong place.
    ("x-api-key", KEY),
    ("x-authorization", f"Bearer {KEY}"),
    ("proxy-authorization", f"Bearer {KEY}"),
    ("authorization-bin", f"Bearer {KEY}"),
    ("bearer", KEY),
]

# Credentials that are none.
CREDENTIALS: Sequence[str] = [
    KEY,
    f"Basic {BASIC}",
    f"Key {KEY}",
    f"Bearer  {KEY}",
    f"Bearer {KEY},Bearer {KEY}",
    f"Bearer {digest_of(KEY).hex()}",
    f"Bearer tac_{digest_of(KEY).hex()[:43]}",
    f"Bearer {KEY[:-1]}",
    f"Bearer {KEY}A",
    f"Bearer {KEY.swapcase()}",
    f"Bearer {KNOWN.cluster.token('elsewhere', 'admin')}",
    f"Bearer {Known({}).cluster.token('wakedock', 'admin')}",
    "Bearer admin",
    "Bearer ",
    "Bearer",
    "",
    "Bearer " + "A" * 12_000,
]


@pytest.fixture(scope="module")
async def database(databases: Databases) -> AsyncIterator[str]:
    async with databases.fresh() as url:
        yield url


@pytest.fixture(scope="module")
async def served(
    database: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Served]:
    folder = tmp_path_factory.mktemp("row-36")
    async with serving_known(
        database, redis_url, folder, KNOWN, asks_for_certificates=False
    ) as served:
        yield served


def packed(claims: Sequence[tuple[str, str]]) -> Sequence[tuple[str, str]]:
    """Binary metadata are bytes for the library."""
    return [
        (name, value.encode() if name.endswith("-bin") else value)  # type: ignore[misc]
        for name, value in claims
    ]


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim[0])
async def test_a_claim_makes_nobody_somebody(served: Served, claim: tuple[str, str]) -> None:
    for rpc in (KEYS, ADMIN):
        assert await reason_of(served.channel, rpc, packed([claim])) == "CALLER_UNKNOWN"


async def test_all_of_them_together_do_not_either(served: Served) -> None:
    once = {name: value for name, value in CLAIMS if name != "x-forwarded-client-cert"}
    assert await reason_of(served.channel, KEYS, packed([*once.items()])) == "CALLER_UNKNOWN"


@pytest.mark.parametrize("value", CREDENTIALS, ids=range(len(CREDENTIALS)))
async def test_what_is_no_credential_is_refused(served: Served, value: str) -> None:
    assert await reason_of(served.channel, KEYS, [("authorization", value)]) == "CALLER_UNKNOWN"


async def test_of_several_credentials_none_counts(served: Served) -> None:
    values = [f"Bearer {KNOWN.key('admin')}", f"Bearer {KNOWN.key('web')}", "Bearer nonsense"]
    for pair in itertools.product(values, repeat=2):
        sent = [("authorization", value) for value in pair]
        assert await reason_of(served.channel, KEYS, sent) == "CALLER_UNKNOWN"


async def test_what_the_connection_says_of_itself_is_no_identity(served: Served) -> None:
    options = (
        ("grpc.primary_user_agent", f"admin {URI} Bearer {KEY}"),
        ("grpc.default_authority", "admin.wakedock.internal"),
        # The certificate of the server is for its address.
        ("grpc.ssl_target_name_override", "localhost"),
    )
    async with channel_of(served, KNOWN, None, options) as channel:
        assert await reason_of(channel, KEYS) == "CALLER_UNKNOWN"
        assert await reason_of(channel, KEYS, KNOWN.metadata("web")) == ""
        assert await reason_of(channel, ADMIN, KNOWN.metadata("web")) == "CALLER_NOT_ALLOWED"


async def test_who_is_somebody_stays_it_whatever_is_claimed(served: Served, database: str) -> None:
    sent = [*KNOWN.metadata("web"), *packed(CLAIMS[:16])]
    assert await reason_of(served.channel, ADMIN, sent) == "CALLER_NOT_ALLOWED"
    assert await reason_of(served.channel, REVOKE, sent) == "CALLER_NOT_ALLOWED"
    request = pb.CreatePairRequest(subject=pb.Subject(user_id="u-36", username="claimed"))
    await TokenServiceStub(served.channel).CreatePair(request, metadata=tuple(sent))
    (line,) = await served.logged("call", method="/tokenauthority.v1.TokenService/CreatePair")
    assert line["caller"] == "web"
    connection = await asyncpg.connect(database)
    callers = await connection.fetch(
        "SELECT DISTINCT caller FROM tokenauthority.audit_events WHERE user_id = 'u-36'"
    )
    await connection.close()
    assert [row["caller"] for row in callers] == ["web"]


async def test_no_credential_shows_anywhere(served: Served) -> None:
    for value in (f"Bearer {KEY}", *CREDENTIALS):
        await reason_of(served.channel, ADMIN, [("authorization", value)])
        await reason_of(served.channel, KEYS, [("authorization", value)] * 2)
    page = (await served.http.ask("/metrics")).body.decode()
    told = served.log.getvalue() + page
    assert "caller unknown" in told
    for secret in (KEY, KEY[4:30], BASIC, digest_of(KEY).hex(), KNOWN.cluster.token()[:40]):
        assert secret not in told


async def test_a_flood_of_strangers_does_not_fill_the_log(served: Served) -> None:
    before = len(served.log.getvalue().splitlines())
    counted = await served.samples("tokenauthority_calls_refused_total")
    for _ in range(300):
        assert await reason_of(served.channel, KEYS) == "CALLER_UNKNOWN"
    (line, *_) = await served.logged("more calls of unknown callers, not logged")
    assert line["calls"] > 0
    # Two lines for each of ten calls a second: why, and the call. And of what was before.
    assert len(served.log.getvalue().splitlines()) - before < 150
    after = await served.samples("tokenauthority_calls_refused_total")
    assert after["", "CALLER_UNKNOWN"] - counted["", "CALLER_UNKNOWN"] == 300
    assert {caller for caller, _ in after} <= {"", "admin", "web"}
