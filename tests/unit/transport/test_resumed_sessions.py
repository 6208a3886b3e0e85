"""A TLS session that is resumed brings its client's certificate along, but not for ever."""

import time
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue
from grpc.experimental import session_cache
from support.certificates import CertificateAuthority
from support.tls import credentials
from unit.transport.fakes import CALLER
from unit.transport.hand_made import allowed, ask, hand_made, unary
from unit.transport.serving import serving

from tokenauthority_server.domain.callers import Admission
from tokenauthority_server.transport.interceptors.call import Context
from tokenauthority_server.transport.peer import (
    EXPIRED_AT_MOST_SECONDS,
    PeerCertificate,
    peer_certificate,
)

CA = CertificateAuthority()
SERVER = CA.server()
CLIENT = CA.issue(uris=["spiffe://a.example/x"], dns=["x.example"], ips=["192.0.2.1"])
MONTH_SECONDS = 31 * 86400


@dataclass
class Seen:
    """What each call came with, and whether its session was resumed."""

    peers: list[PeerCertificate | None] = field(default_factory=list)
    resumed: list[bytes] = field(default_factory=list)

    def identify(self, context: Context) -> Admission:
        self.peers.append(peer_certificate(context))
        self.resumed.extend(context.auth_context()["ssl_session_reused"])
        return Admission(caller=CALLER, rpcs=frozenset(POLICIES))


async def answer(request: StringValue, _context: object) -> StringValue:
    return request


HANDLERS = {"Ask": unary(answer)}
POLICIES = allowed(HANDLERS)


async def test_a_resumed_session_does_not_outlive_its_certificate(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Guard: with the certificate's end left out of `peer_certificate` the last one is known too.
    seen = Seen()
    cache: Any = session_cache
    sessions = cache.ssl_session_cache_lru(1)
    options = (("grpc.ssl_session_cache", sessions), ("grpc.use_local_subchannel_pool", 1))
    of_server = grpc.ssl_server_credentials(
        [(SERVER.key, SERVER.certificate)], CA.certificate, require_client_auth=True
    )
    of_client = credentials(CA.certificate, CLIENT)
    service = hand_made(HANDLERS)
    async with serving(
        service, policies=POLICIES, identify=seen.identify, credentials=of_server
    ) as served:

        async def call() -> None:
            target = f"localhost:{served.port}"
            async with grpc.aio.secure_channel(target, of_client, options) as channel:
                await ask(channel)(StringValue(value="x"))

        await call()
        await call()
        later = time.time() + MONTH_SECONDS + EXPIRED_AT_MOST_SECONDS
        monkeypatch.setattr(time, "time", lambda: later)
        await call()

    assert seen.resumed == [b"false", b"true", b"true"]
    named = PeerCertificate(("spiffe://a.example/x",), ("x.example",))
    assert seen.peers == [named, named, PeerCertificate()]
