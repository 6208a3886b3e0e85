"""Nothing is served that the policy table does not know."""

from dataclasses import replace

import grpc
import pytest
from unit.transport.fakes import Script, our_services
from unit.transport.hand_made import NAME, PACKERS, allowed, hand_made, unary
from unit.transport.serving import serving

from tokenauthority.v1 import admin_service_pb2
from tokenauthority_server.domain.errors import StartError
from tokenauthority_server.transport.health import Health
from tokenauthority_server.transport.policy import (
    POLICIES,
    Callers,
    IncompletePolicyError,
    Method,
    check_complete,
    for_known_callers_only,
)
from tokenauthority_server.transport.readiness import Readiness
from tokenauthority_server.transport.reflection import reflection_services
from tokenauthority_server.transport.service import Service

ADMIN = admin_service_pb2.DESCRIPTOR.services_by_name["AdminService"]


def never(*_: object) -> None:
    raise AssertionError("nothing calls it")


HANDLERS = {
    "One": unary(never),
    "Stream": grpc.unary_stream_rpc_method_handler(never, *PACKERS),
    "Collect": grpc.stream_unary_rpc_method_handler(never, *PACKERS),
    "Talk": grpc.stream_stream_rpc_method_handler(never, *PACKERS),
}


@pytest.fixture
async def services(script: Script, readiness: Readiness) -> list[Service]:
    """Return everything that the server serves."""
    ours = our_services(script)
    health = Health.starting(readiness, ours).service()
    return [*ours, health, *reflection_services([*ours, health])]


async def test_the_table_has_exactly_the_methods_that_are_served(services: list[Service]) -> None:
    assert check_complete([one.descriptor for one in services]).keys() == POLICIES.keys()


async def test_a_method_without_a_row_keeps_the_server_from_starting() -> None:
    policies = dict(allowed(HANDLERS))
    del policies[f"/{NAME}/Stream"]
    with pytest.raises(IncompletePolicyError, match=r"transport/policy\.py") as caught:
        async with serving(hand_made(HANDLERS), policies=policies):
            pass

    assert isinstance(caught.value, StartError)
    assert f"\n  /{NAME}/Stream" in str(caught.value)
    assert f"/{NAME}/One" not in str(caught.value)


def test_a_method_is_known_with_its_kind_and_its_fields() -> None:
    methods = check_complete([hand_made(HANDLERS).descriptor], allowed(HANDLERS))

    assert {method.name: method.kind for method in methods.values()} == {
        "One": "unary",
        "Stream": "server_stream",
        "Collect": "client_stream",
        "Talk": "bidi_stream",
    }
    assert methods[f"/{NAME}/One"] == Method(
        path=f"/{NAME}/One",
        service=NAME,
        name="One",
        kind="unary",
        request_fields=frozenset({"value"}),
        policy=allowed(HANDLERS)[f"/{NAME}/One"],
    )


async def test_unary_calls_are_bounded_and_streams_are_not(services: list[Service]) -> None:
    methods = check_complete([one.descriptor for one in services]).values()

    assert {method.kind for method in methods if method.policy.default_deadline is None} == {
        "server_stream",
        "bidi_stream",
    }
    assert all(method.policy.default_deadline for method in methods if method.kind == "unary")


def test_changes_are_audited_and_questions_are_not() -> None:
    audited = {path.rpartition("/")[2] for path, row in POLICIES.items() if row.audited}

    of_tokens = {"CreatePair", "Refresh", "Revoke"}
    of_accounts = {"Login", "Logout", "LogoutAll", "ChangePassword"}
    # Of administrators every question is audited too.
    assert audited == of_tokens | of_accounts | set(ADMIN.methods_by_name)


def test_health_alone_is_open() -> None:
    is_open = {path for path, row in POLICIES.items() if row.callers is Callers.OPEN}

    assert is_open == {path for path in POLICIES if path.startswith("/grpc.health.v1.Health/")}


def test_health_can_be_closed() -> None:
    closed = for_known_callers_only(POLICIES)

    assert closed.keys() == POLICIES.keys()
    assert {row.callers for row in closed.values()} == {Callers.LISTED}
    path = "/grpc.health.v1.Health/Check"
    assert replace(closed[path], callers=Callers.OPEN) == POLICIES[path]
