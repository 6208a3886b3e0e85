"""What a program shows to say who it is: whence it comes, where it goes, where it never shows."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import grpc
import pytest
from unit.client.methods import METHODS, Method
from unit.client.scripted_authority import Refusal, ScriptedAuthority, refusal
from unit.client.secrecy import shown

from tokenauthority.v1 import token_service_pb2 as pb
from tokenauthority_client import (
    CallerUnknownError,
    TokenAuthorityClient,
    TokenAuthorityError,
)
from tokenauthority_client.caller_credential import LONGEST

KEY: Final = "tac_0f-Xy_Zw"
ANOTHER: Final = "tac_another-key"


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "caller.key"
    hold(path, f"{KEY}\n")
    return path


def hold(path: Path, key: str) -> None:
    path.write_text(key)


def sent(authority: ScriptedAuthority) -> list[str | bytes | None]:
    return [received.metadata.get("authorization") for received in authority.received]


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
async def test_a_key_goes_with_each_call(authority: ScriptedAuthority, method: Method) -> None:
    async with TokenAuthorityClient(authority.address, caller_key=KEY) as client:
        await method.call(client, {})
        await method.call(client, {"correlation_id": "trace-7"})
    assert sent(authority) == [f"Bearer {KEY}"] * 2
    assert authority.received[1].metadata["x-request-id"] == "trace-7"


async def test_without_a_key_none_is_sent(
    client: TokenAuthorityClient, authority: ScriptedAuthority
) -> None:
    await client.validate("t")
    assert sent(authority) == [None]


async def test_a_key_goes_with_each_attempt(authority: ScriptedAuthority) -> None:
    authority.script["Validate"] = [Refusal(grpc.StatusCode.UNAVAILABLE), pb.ValidateResponse()]
    async with TokenAuthorityClient(authority.address, caller_key=KEY) as client:
        await client.validate("t")
    assert sent(authority) == [f"Bearer {KEY}"] * 2


async def test_a_file_is_read_when_the_client_is_opened(
    authority: ScriptedAuthority, key_file: Path
) -> None:
    client = TokenAuthorityClient(authority.address, caller_key=key_file)
    for key in (KEY, ANOTHER):
        hold(key_file, key)
        async with client:
            await client.validate("t")
    assert sent(authority) == [f"Bearer {KEY}", f"Bearer {ANOTHER}"]


@pytest.mark.parametrize("kind", [str, Path])
async def test_a_service_account_token_is_a_file(
    authority: ScriptedAuthority, key_file: Path, kind: Callable[[Path], str | Path]
) -> None:
    async with TokenAuthorityClient(
        authority.address, service_account_token_file=kind(key_file)
    ) as client:
        await client.validate("t")
    assert sent(authority) == [f"Bearer {KEY}"]


async def test_a_client_without_its_key_does_not_open(
    authority: ScriptedAuthority, tmp_path: Path
) -> None:
    client = TokenAuthorityClient(
        authority.address, service_account_token_file=tmp_path / "missing"
    )
    with pytest.raises(ValueError, match=r"^service_account_token_file: .*missing cannot be read"):
        await client.__aenter__()
    with pytest.raises(RuntimeError, match="not open"):
        await client.validate("t")


@pytest.mark.parametrize(
    "key", ["", "Bearer tac_0f-Xy", "tac_ 0f-Xy", "tac_0f-Xy\n", "tac_0f-Xyé", "t" * (LONGEST + 1)]
)
def test_a_key_that_cannot_be_one_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match=r"^caller_key ") as caught:
        TokenAuthorityClient("localhost:50051", caller_key=key)
    assert "tac_" not in shown(caught.value)


@pytest.mark.parametrize("path", ["/run/secrets/caller", "./caller", "../caller", "~/caller"])
def test_a_path_is_not_sent_as_a_key(path: str) -> None:
    with pytest.raises(ValueError, match=r"give it as Path\(\.\.\.\)"):
        TokenAuthorityClient("localhost:50051", caller_key=path)


GIVEN: Final[list[dict[str, Any]]] = [
    {"caller_key": KEY},
    {"caller_key": Path("caller.key")},
    {"service_account_token_file": "token"},
]


@pytest.mark.parametrize("given", GIVEN)
@pytest.mark.parametrize("target", ["authority.internal:50051", "ipv4:10.0.0.1:1,127.0.0.1:1"])
def test_a_key_is_not_sent_unencrypted(target: str, given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"unencrypted: give credentials .* allow_plaintext_key"):
        TokenAuthorityClient(target, **given)
    TokenAuthorityClient(target, **given, allow_plaintext_key=True)
    TokenAuthorityClient(target, **given, credentials=grpc.ssl_channel_credentials())


async def test_a_key_for_this_machine_goes_through_no_proxy(
    authority: ScriptedAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Guard: without `grpc.enable_http_proxy` 0 the call went to the proxy, and failed.
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    async with TokenAuthorityClient(authority.address, caller_key=KEY) as client:
        await client.validate("t")
    assert sent(authority) == [f"Bearer {KEY}"]


@pytest.mark.parametrize(
    "given", [*GIVEN, {"server_name": "a"}, {"credentials": grpc.ssl_channel_credentials()}]
)
async def test_a_channel_of_ones_own_has_credentials_of_its_own(
    authority: ScriptedAuthority, given: dict[str, Any]
) -> None:
    async with grpc.aio.insecure_channel(authority.address) as channel:
        with pytest.raises(TypeError, match="its own credentials"):
            TokenAuthorityClient(channel, **given)


def test_a_caller_has_one_name() -> None:
    with pytest.raises(TypeError, match="caller_key or service_account_token_file"):
        TokenAuthorityClient("localhost:50051", caller_key=KEY, service_account_token_file="token")


def test_a_key_that_is_empty_is_no_missing_key() -> None:
    # Or a variable that is not set would make a caller without a name.
    with pytest.raises(ValueError, match="caller_key is empty"):
        TokenAuthorityClient("localhost:50051", caller_key="")


@pytest.mark.parametrize(
    "line",
    [
        refusal(grpc.StatusCode.UNAUTHENTICATED, "CALLER_UNKNOWN"),
        Refusal(grpc.StatusCode.UNAUTHENTICATED, f"bad header authorization: Bearer {KEY}."),
        Refusal(grpc.StatusCode.UNAVAILABLE, f"bearer {KEY} is not known here"),
        Refusal(grpc.StatusCode.UNKNOWN, f"what is {KEY}?"),
    ],
)
async def test_a_key_shows_in_no_error_and_no_repr(
    authority: ScriptedAuthority, line: Refusal
) -> None:
    authority.script["Validate"] = [line]
    async with TokenAuthorityClient(authority.address, caller_key=KEY) as client:
        with pytest.raises(TokenAuthorityError) as caught:
            await client.validate("t")
        assert KEY not in repr(client)
    assert KEY not in str(caught.value)
    assert isinstance(caught.value, CallerUnknownError) == bool(line.trailers)
