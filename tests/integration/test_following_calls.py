"""How a call is found again: by its request id, in the log and in the metrics."""

import re
from collections.abc import Awaitable
from typing import Any

import grpc
import pytest
from support.authority import Served
from support.callers import create_request
from support.failures import failure_of
from support.waiting import eventually

from tokenauthority.v1 import token_service_pb2 as pb

SERVICE = "tokenauthority.v1.TokenService"
METHODS = [method.name for method in pb.DESCRIPTOR.services_by_name["TokenService"].methods]


async def test_the_callers_request_id_is_echoed_and_logged(authority: Served) -> None:
    call = authority.stub.CreatePair(create_request("1"), metadata=(("x-request-id", "mine-1"),))
    await call

    assert dict(await call.trailing_metadata())["x-request-id"] == "mine-1"
    (line,) = await authority.logged("call", request_id="mine-1")
    assert line["method"] == f"/{SERVICE}/CreatePair"
    assert (line["code"], line["peer"], line["level"]) == ("OK", "127.0.0.1", "info")
    assert 0 < line["seconds"] < 5


async def test_the_callers_request_id_is_echoed_with_an_error(authority: Served) -> None:
    failure = await failure_of(
        authority.stub.Refresh(pb.RefreshRequest(), metadata=(("x-request-id", "mine-2"),))
    )

    assert failure.trailers["x-request-id"] == "mine-2"
    assert failure.infos[0].metadata["request_id"] == "mine-2"
    (line,) = await authority.logged("call", request_id="mine-2")
    assert (line["code"], line["reason"]) == ("INVALID_ARGUMENT", "INVALID_REQUEST")


@pytest.mark.parametrize("given", [None, "", "x" * 65, "two words"])
async def test_another_one_is_made_where_none_is_good(shared: Served, given: str | None) -> None:
    metadata = () if given is None else (("x-request-id", given),)
    call = shared.stub.Validate(pb.ValidateRequest(token="x"), metadata=metadata)
    await call

    made = dict(await call.trailing_metadata())["x-request-id"]

    assert isinstance(made, str)
    assert re.fullmatch(r"[!-~]{16,64}", made)
    assert await shared.logged("call", request_id=made)


async def test_the_log_holds_no_token_and_no_profile(authority: Served) -> None:
    request = create_request("u-secretive", "secretive-name")
    request.device.ip_address = "192.0.2.77"
    pair = (await authority.stub.CreatePair(request)).pair
    await authority.stub.Validate(pb.ValidateRequest(token=pair.access_token))
    await failure_of(
        authority.stub.Refresh(
            pb.RefreshRequest(refresh_token=pair.access_token),
            metadata=(("x-request-id", pair.access_token[:64]),),
        )
    )
    await authority.logged("call", method=f"/{SERVICE}/Refresh")

    log = authority.log.getvalue()

    for secret in (*pair.access_token.split("."), pair.refresh_token, "secretive", "192.0.2.77"):
        assert secret not in log


async def test_the_metrics_equal_the_calls(authority: Served) -> None:
    assert await handled(authority) == {}
    made: list[Awaitable[Any]] = [
        *(authority.stub.CreatePair(create_request(str(number))) for number in range(3)),
        *(authority.stub.Validate(pb.ValidateRequest(token="x")) for _ in range(5)),
        authority.stub.ListSessions(pb.ListSessionsRequest(user_id="1")),
    ]
    for call in made:
        await call
    for _ in range(2):
        await failure_of(authority.stub.Refresh(pb.RefreshRequest()))
        await failure_of(authority.stub.Refresh(pb.RefreshRequest(refresh_token="x")))

    counted_in_the_end = {
        ("OK", "CreatePair"): 3,
        ("OK", "Validate"): 5,
        ("OK", "ListSessions"): 1,
        ("INVALID_ARGUMENT", "Refresh"): 2,
        ("UNAUTHENTICATED", "Refresh"): 2,
    }

    async def is_counted() -> bool:
        return await handled(authority) == counted_in_the_end

    # A call is counted a moment after its caller has the answer.
    await eventually(is_counted)
    started = await authority.samples("grpc_server_started_total")
    counted = await authority.samples("grpc_server_handling_seconds_count")
    expected = {"CreatePair": 3, "Validate": 5, "ListSessions": 1, "Refresh": 4}
    for samples in (started, counted):
        assert {key[0]: value for key, value in samples.items() if key[1] == SERVICE} == {
            method: expected.get(method, 0) for method in METHODS
        }


async def test_every_series_is_there_before_the_first_call(authority: Served) -> None:
    samples = await authority.samples("grpc_server_handled_total")

    of_the_service = {key[:2] for key in samples if key[2] == SERVICE}

    assert of_the_service == {(code.name, method) for code in grpc.StatusCode for method in METHODS}
    assert {key[3] for key in samples if key[2] == SERVICE} == {"unary", "bidi_stream"}


async def handled(authority: Served) -> dict[tuple[str, str], float]:
    """How many calls came to an end, by code and method, without those that none did."""
    samples = await authority.samples("grpc_server_handled_total")
    return {
        (code, method): value
        for (code, method, service, _), value in samples.items()
        if service == SERVICE and value
    }
