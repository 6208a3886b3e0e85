"""The README's example runs, and prints what the README says."""

import asyncio
import re
import sys
from pathlib import Path

import grpc
from unit.client.scripted_authority import ScriptedAuthority, refusal

from tokenauthority.v1 import token_service_pb2 as pb

README = Path(__file__).parents[3] / "clients" / "python" / "README.md"


async def test_the_example_prints_what_it_says(authority: ScriptedAuthority) -> None:
    text = README.read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (output,) = re.findall(r"```text\n(.*?)```", text, re.DOTALL)
    assert "127.0.0.1:50051" in example
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

    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        example.replace("127.0.0.1:50051", authority.address),
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
    assert [received.rpc for received in authority.received] == [
        "CreatePair",
        "Validate",
        "Refresh",
        "Revoke",
        "Refresh",
    ]
    assert authority.received[-1].request == pb.RefreshRequest(refresh_token="r2")
