"""Reflection as tools use it: both versions by hand, and buf's own client as one of the tools."""

import asyncio
import json
import sysconfig
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import descriptor_pool
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_reflection.v1alpha import reflection_pb2
from support.failures import failure_of
from unit.transport.fakes import Script, fake_use_cases, our_services
from unit.transport.serving import Served, serving

from tokenauthority_server.transport.health import Health
from tokenauthority_server.transport.policy import POLICIES
from tokenauthority_server.transport.readiness import Readiness
from tokenauthority_server.transport.reflection import reflection_services
from tokenauthority_server.transport.token_service import token_service

BUF = Path(sysconfig.get_path("scripts")) / "buf"
VERSIONS = ("grpc.reflection.v1", "grpc.reflection.v1alpha")
SERVICES = sorted({path.split("/")[1] for path in POLICIES})


@pytest.fixture
async def served(script: Script, readiness: Readiness) -> AsyncIterator[Served]:
    ours = our_services(script)
    services = [*ours, Health.starting(readiness, ours).service()]
    async with serving(*services, *reflection_services(services)) as running:
        yield running


def method(served: Served, version: str, pack: Any) -> Any:
    return served.channel.stream_stream(
        f"/{version}.ServerReflection/ServerReflectionInfo",
        pack,
        reflection_pb2.ServerReflectionResponse.FromString,
    )


async def ask(
    served: Served, version: str, question: reflection_pb2.ServerReflectionRequest
) -> reflection_pb2.ServerReflectionResponse:
    pack = reflection_pb2.ServerReflectionRequest.SerializeToString
    call = method(served, version, pack)(iter([question]))
    (answer,) = [answer async for answer in call]
    assert isinstance(answer, reflection_pb2.ServerReflectionResponse)
    return answer


def about(symbol: str) -> reflection_pb2.ServerReflectionRequest:
    return reflection_pb2.ServerReflectionRequest(file_containing_symbol=symbol)


def names(files: Iterable[bytes]) -> set[str]:
    return {FileDescriptorProto.FromString(file).name for file in files}


@pytest.mark.parametrize("version", VERSIONS)
async def test_all_services_are_listed(served: Served, version: str) -> None:
    answer = await ask(served, version, reflection_pb2.ServerReflectionRequest(list_services="*"))

    assert [one.name for one in answer.list_services_response.service] == SERVICES


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("symbol", "files"),
    [
        (
            "tokenauthority.v1.TokenService",
            {
                "tokenauthority/v1/token_service.proto",
                "google/protobuf/duration.proto",
                "google/protobuf/timestamp.proto",
            },
        ),
        ("tokenauthority.v1.ErrorReason", {"tokenauthority/v1/error_reason.proto"}),
        ("grpc.health.v1.Health", {"grpc_health/v1/health.proto"}),
        ("grpc.reflection.v1.ServerReflection", {"grpc/reflection/v1/reflection.proto"}),
        (
            "google.rpc.ErrorInfo",
            {"google/rpc/error_details.proto", "google/protobuf/duration.proto"},
        ),
    ],
)
async def test_what_is_served_is_described(
    served: Served, version: str, symbol: str, files: set[str]
) -> None:
    answer = await ask(served, version, about(symbol))

    assert names(answer.file_descriptor_response.file_descriptor_proto) == files


async def test_v1_is_v1alpha_by_another_name(served: Served) -> None:
    answer = await ask(served, VERSIONS[0], about("grpc.reflection.v1.ServerReflection"))

    (file,) = answer.file_descriptor_response.file_descriptor_proto
    assert b"v1alpha" not in file
    original = FileDescriptorProto()
    descriptor_pool.Default().FindFileByName(reflection_pb2.DESCRIPTOR.name).CopyToProto(original)
    renamed = FileDescriptorProto.FromString(file)
    assert [one.name for one in renamed.message_type] == [one.name for one in original.message_type]
    assert [one.name for one in renamed.service[0].method] == ["ServerReflectionInfo"]


@pytest.mark.parametrize("version", VERSIONS)
async def test_bytes_that_are_no_question_are_told_as_such(served: Served, version: str) -> None:
    call = method(served, version, None)(iter([b"\xff\xff\xff"]))

    assert (await failure_of(anext(aiter(call)))).reason == "MALFORMED_REQUEST"


def test_the_processs_own_descriptors_stay_as_they_are(script: Script) -> None:
    reflection_services([token_service(fake_use_cases(script))])

    with pytest.raises(KeyError):
        descriptor_pool.Default().FindServiceByName("grpc.reflection.v1.ServerReflection")


async def buf_curl(served: Served, cache: Path, *arguments: str, path: str = "") -> tuple[int, str]:
    """Return buf's exit code and all that it printed."""
    process = await asyncio.create_subprocess_exec(
        BUF,
        "curl",
        "--http2-prior-knowledge",
        *("--protocol", "grpc"),
        *arguments,
        f"http://127.0.0.1:{served.port}{path}",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={"BUF_CACHE_DIR": str(cache), "HOME": str(cache)},
    )
    output, _ = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode is not None
    return process.returncode, output.decode()


async def test_buf_lists_the_services(served: Served, tmp_path: Path) -> None:
    code, output = await buf_curl(served, tmp_path, "--list-services")

    assert (code, output.split()) == (0, SERVICES)


@pytest.mark.parametrize("header", [[], ["--reflect-protocol", "grpc-v1alpha"]])
async def test_buf_lists_the_methods(served: Served, tmp_path: Path, header: list[str]) -> None:
    code, output = await buf_curl(served, tmp_path, "--list-methods", *header)

    assert (code, sorted(output.split())) == (0, sorted(path[1:] for path in POLICIES))


async def test_buf_calls_a_method_that_it_knows_by_reflection_only(
    served: Served, tmp_path: Path
) -> None:
    code, output = await buf_curl(
        served,
        tmp_path,
        *("--data", '{"token": "good"}'),
        path="/tokenauthority.v1.TokenService/Validate",
    )

    assert code == 0, output
    answer = json.loads(output)
    assert answer["active"] is True
    assert answer["claims"]["userId"] == "u-ada"
    assert answer["source"] == "CHECK_SOURCE_DATABASE"


async def test_buf_shows_what_is_wrong(served: Served, tmp_path: Path) -> None:
    code, output = await buf_curl(
        served,
        tmp_path,
        *("--data", '{"page_size": -1}'),
        path="/tokenauthority.v1.TokenService/ListSessions",
    )

    assert code != 0
    error = json.loads(output)
    assert error["code"] == "invalid_argument"
    assert error["message"] == (
        "the request breaks a rule: user_id is required; page_size is negative"
    )
    assert [one["type"] for one in error["details"]] == [
        "google.rpc.ErrorInfo",
        "google.rpc.BadRequest",
    ]
