"""T4: what it costs a call to find out who makes it, whether it may, and how often.

The checks run in a server of this process, on a call that has really come over TLS: what a call
knows of its connection is asked of gRPC each time. The time is that of the processor.
"""

import asyncio
import hashlib
import json
import secrets
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from benchmarks.figures import Spread
from benchmarks.rows import Line, Row, Verdict
from tokenauthority_server.adapters.callers.file import read_callers
from tokenauthority_server.adapters.memory.rates import MemoryRateExchange
from tokenauthority_server.domain.caller_keys import caller_key
from tokenauthority_server.domain.rates import Quota
from tokenauthority_server.services.identifying import Identifying
from tokenauthority_server.services.rate_limits import RateLimits
from tokenauthority_server.transport.interceptors.authentication import identify_by
from tokenauthority_server.transport.policy import POLICIES

BUDGET = 10.0
"""Microseconds a call."""
CALLERS = 50
URI = "spiffe://bench.internal/ns/bench/sa/caller-{}"
PATH = "/tokenauthority.v1.TokenService/Validate"
ISSUER, AUDIENCE = "https://kubernetes.default.svc", "tokenauthority"
CHECKS = 500

Certificate = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Case:
    """A way to show who one is: the client's certificate, and what it sends."""

    certificate: Certificate | None
    authorization: str


def checking(rounds: int) -> Row:
    """Return the row of the checks of each kind of caller, of 50 in the file."""
    took = asyncio.run(_measure(rounds))
    spreads = {what: Spread.of(one) for what, one in took.items()}
    worst = max(one.median for one in spreads.values())
    return Row(
        id="T4",
        compares="who calls, whether the caller may, and its rate, on a call that came over TLS; "
        f"{CALLERS} callers in the file; one core",
        lines=tuple(_line(what, one) for what, one in spreads.items()),
        verdict=Verdict.MET if worst <= BUDGET else Verdict.BROKEN,
        details={"microseconds": {what: asdict(one) for what, one in spreads.items()}},
    )


def _line(what: str, spread: Spread) -> Line:
    return Line(f"{what}, µs", str(spread), budget=f"≤ {BUDGET:g}")


async def _measure(rounds: int) -> Mapping[str, Sequence[float]]:
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as name:
        folder = Path(name)
        keys = [caller_key(secrets.token_bytes(32)) for _ in range(CALLERS)]
        token = _write(folder, keys)
        callers = read_callers(folder / "callers.toml", POLICIES)
    cases = {
        "certificate": Case(_self_signed(uri=URI.format(7)), ""),
        "key": Case(None, f"Bearer {keys[7]}"),
        "service account": Case(None, f"Bearer {token}"),
    }
    check = _check(Identifying(callers))
    return {what: await _of_case(one, check, rounds) for what, one in cases.items()}


def _check(identifying: Identifying) -> Callable[[Any], None]:
    identify = identify_by(identifying)
    limits = RateLimits(MemoryRateExchange(), time.monotonic_ns)

    def check(context: Any) -> None:
        admission = identify(context)
        assert PATH in admission.rpcs
        limits.admit(Quota(admission.caller.name, PATH), admission.rates[PATH])

    return check


async def _of_case(case: Case, check: Callable[[Any], None], rounds: int) -> Sequence[float]:
    server_pair = _self_signed(dns="localhost")
    took: list[float] = []

    async def answer(_request: bytes, context: Any) -> bytes:
        begin = time.process_time()
        for _ in range(CHECKS):
            check(context)
        took.append(1e6 * (time.process_time() - begin) / CHECKS)
        return b""

    async with AsyncExitStack() as stack:
        server = grpc.aio.server()
        handler: Any = grpc.unary_unary_rpc_method_handler(answer)
        generic = grpc.method_handlers_generic_handler("bench.Bench", {"Check": handler})
        server.add_generic_rpc_handlers((generic,))
        root = case.certificate[0] if case.certificate else None
        port = server.add_secure_port(
            "127.0.0.1:0",
            grpc.ssl_server_credentials(
                [server_pair[::-1]], root, require_client_auth=root is not None
            ),
        )
        await server.start()
        stack.push_async_callback(server.stop, None)
        pair = case.certificate or (None, None)
        channel = await stack.enter_async_context(
            grpc.aio.secure_channel(
                f"localhost:{port}",
                grpc.ssl_channel_credentials(server_pair[0], pair[1], pair[0]),
            )
        )
        sent = (("authorization", case.authorization),) if case.authorization else ()
        ask: Any = channel.unary_unary("/bench.Bench/Check")
        for _ in range(rounds + 1):
            await ask(b"", metadata=sent)
    return took[1:]  # the first round warms what is remembered


def _write(folder: Path, keys: Sequence[str]) -> str:
    """Write a callers' file and the keys of a cluster; return a token of one of its accounts."""
    private = ec.generate_private_key(ec.SECP256R1())
    members = json.loads(jwt.get_algorithm_by_name("ES256").to_jwk(private.public_key()))
    members = {**members, "kid": "one", "use": "sig", "alg": "ES256"}
    members.pop("key_ops", None)
    (folder / "jwks.json").write_text(json.dumps({"keys": [members]}))
    tables = "".join(
        f'[callers.caller-{number}]\nuri = "{URI.format(number)}"\n'
        f'key_sha256 = ["{hashlib.sha256(key.encode()).hexdigest()}"]\n'
        f'service_account = "bench/caller-{number}"\nrpcs = ["TokenService"]\nrate = "1000000/s"\n'
        for number, key in enumerate(keys)
    )
    (folder / "callers.toml").write_text(
        f'[kubernetes]\njwks_file = "jwks.json"\nissuer = "{ISSUER}"\naudience = "{AUDIENCE}"\n'
        + tables
    )
    now = int(time.time())
    account = {"namespace": "bench", "serviceaccount": {"name": "caller-7", "uid": "u" * 36}}
    claims = {
        "iss": ISSUER,
        "aud": [AUDIENCE],
        "iat": now,
        "nbf": now,
        "exp": now + 3600,
        "sub": "system:serviceaccount:bench:caller-7",
        "kubernetes.io": account,
    }
    return jwt.encode(claims, private, "ES256", headers={"kid": "one"})


def _self_signed(*, uri: str = "", dns: str = "") -> Certificate:
    """Return a certificate that is its own authority, and its key."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    names: list[x509.GeneralName] = []
    if uri:
        names.append(x509.UniformResourceIdentifier(uri))
    if dns:
        names.append(x509.DNSName(dns))
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "bench")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return certificate.public_bytes(Encoding.PEM), private
