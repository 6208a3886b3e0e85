"""The README's examples run, and print what the README says."""

import asyncio
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc.error_details_pb2 import BadRequest, RetryInfo
from support.certificates import CertificateAuthority
from unit.client.scripted_authority import ScriptedAuthority, refusal, serving
from unit.client.scripted_watch import Response, ScriptedWatch, watched

from tokenauthority.v1 import account_service_pb2 as accounts_pb
from tokenauthority.v1 import admin_service_pb2 as admin_pb
from tokenauthority.v1 import token_service_pb2 as pb
from tokenauthority_client import Accounts, Admin

README: Final = (Path(__file__).parents[3] / "clients" / "python" / "README.md").read_text("utf-8")
TOKENS, LOGGING_IN, ADMINISTRATION, TLS, WATCHING = re.findall(
    r"```python\n(.*?)```\n\n```text\n(.*?)```", README, re.DOTALL
)
PLAIN: Final = "127.0.0.1:50051"


async def check(example: tuple[str, str], replaced: Mapping[str, str]) -> None:
    """Run an example with these of its texts replaced, and compare what it prints."""
    program, output = example
    for text, replacement in replaced.items():
        assert program.count(text) == 1
        program = program.replace(text, replacement)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(20):
            stdout, stderr = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert (process.returncode, stderr.decode()) == (0, "")
    assert stdout.decode() == output


def rpcs(authority: ScriptedAuthority) -> list[str]:
    return [received.rpc for received in authority.received]


async def test_the_life_of_tokens(authority: ScriptedAuthority) -> None:
    authority.script["CreatePair"] = [
        pb.CreatePairResponse(pair=pb.TokenPair(access_token="a1", refresh_token="r1"))
    ]
    authority.script["Validate"] = [
        pb.ValidateResponse(active=True, claims=pb.Claims(username="ada", roles=["developer"]))
    ]
    authority.script["Refresh"] = [
        pb.RefreshResponse(pair=pb.TokenPair(access_token="a2", refresh_token="r2")),
        refusal(grpc.StatusCode.UNAUTHENTICATED, "SESSION_ENDED"),
    ]
    authority.script["Revoke"] = [pb.RevokeResponse(revoked_sessions=1)]
    await check(TOKENS, {PLAIN: authority.address})
    assert rpcs(authority) == ["CreatePair", "Validate", "Refresh", "Revoke", "Refresh"]
    assert authority.received[-1].request == pb.RefreshRequest(refresh_token="r2")


async def test_logging_in(authority: ScriptedAuthority) -> None:
    short = BadRequest.FieldViolation(field="new_password", description="has fewer than 12 bytes")
    authority.script["Login"] = [
        accounts_pb.LoginResponse(pair=pb.TokenPair(access_token="a1", refresh_token="r1")),
        refusal(
            grpc.StatusCode.PERMISSION_DENIED,
            "ACCOUNT_LOCKED",
            RetryInfo(retry_delay=timedelta(minutes=30)),
        ),
    ]
    authority.script["ChangePassword"] = [
        refusal(
            grpc.StatusCode.INVALID_ARGUMENT,
            "PASSWORD_REFUSED",
            BadRequest(field_violations=[short]),
        )
    ]
    await check(LOGGING_IN, {PLAIN: authority.address})
    assert rpcs(authority) == ["Login", "ChangePassword", "Logout", "Login"]
    assert authority.received[2].request == accounts_pb.LogoutRequest(refresh_token="r1")


async def test_administration(authority: ScriptedAuthority) -> None:
    ada = admin_pb.User(user_id="42", username="ada", roles=["developer"])
    authority.script["GetUser"] = [admin_pb.GetUserResponse(user=ada)]
    authority.script["RevokeSessions"] = [admin_pb.RevokeSessionsResponse(matched_sessions=3)]
    time = Timestamp(seconds=int(datetime(2030, 1, 2, tzinfo=UTC).timestamp()))
    event = admin_pb.AuditEvent(time=time, kind="user.disabled", user_id="17", caller="admin-tool")
    authority.script["ListAuditEvents"] = [admin_pb.ListAuditEventsResponse(events=[event])]
    await check(ADMINISTRATION, {PLAIN: authority.address})
    assert rpcs(authority) == [
        "GetUser",
        "PutUser",
        "SetUserStatus",
        "RevokeSessions",
        "ListAuditEvents",
    ]
    ada.roles.append("auditor")
    assert authority.received[1].request == admin_pb.PutUserRequest(user=ada)


@pytest.fixture
def mounted(tmp_path: Path) -> CertificateAuthority:
    """The files of the example, but for their folder."""
    ca = CertificateAuthority()
    (tmp_path / "ca.pem").write_bytes(ca.certificate)
    (tmp_path / "caller.key").write_text("tac_0f-Xy_Zw\n")
    return ca


async def test_tls_and_keys(tmp_path: Path, mounted: CertificateAuthority) -> None:
    issued = mounted.server()
    credentials = grpc.ssl_server_credentials([(issued.key, issued.certificate)])
    async with serving(ScriptedAuthority(), credentials) as authority:
        authority.script["GetPublicKeys"] = [
            pb.GetPublicKeysResponse(keys=[pb.PublicKey(key_id="kid-1")])
        ]
        await check(
            TLS,
            {
                "tokenauthority.example:50051": authority.address,
                "/etc/tokenauthority/ca.pem": str(tmp_path / "ca.pem"),
                "/etc/tokenauthority/caller.key": str(tmp_path / "caller.key"),
            },
        )
    (received,) = authority.received
    assert received.metadata["authorization"] == "Bearer tac_0f-Xy_Zw"


async def test_watching_revocations() -> None:
    fact = pb.Fact(token_id="jti-1")
    authority = ScriptedWatch(
        [
            Response(snapshot=pb.Snapshot(facts=[fact])),
            Response(cursor="1", snapshot=pb.Snapshot(complete=True)),
            Response(cursor="1", heartbeat=pb.Heartbeat()),
        ]
    )
    async with watched(authority) as address:
        await check(WATCHING, {PLAIN: address})


@pytest.mark.parametrize("kind", [Accounts, Admin])
def test_every_method_is_named(kind: type) -> None:
    methods = [name for name in dir(kind) if not name.startswith("_")]
    assert [name for name in methods if not re.search(rf"\b{name}\b", README)] == []
