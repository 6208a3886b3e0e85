"""Every RPC of the contract has its row in each table, and no row is left over."""

import importlib
import pkgutil
import re
from pathlib import Path

import pytest
from google.protobuf.descriptor import MethodDescriptor
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

import tokenauthority.v1
from tokenauthority_client import Accounts, Admin, TokenAuthorityClient
from tokenauthority_server.transport.policy import POLICIES

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
IN_THE_CLIENT = {
    "TokenService": TokenAuthorityClient,
    "AccountService": Accounts,
    "AdminService": Admin,
}


def methods_of_the_contract() -> list[MethodDescriptor]:
    modules = [
        importlib.import_module(f"tokenauthority.v1.{found.name}")
        for found in pkgutil.iter_modules(tokenauthority.v1.__path__)
        if found.name.endswith("_pb2")
    ]
    return [
        method
        for module in modules
        for service in module.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    ]


METHODS = methods_of_the_contract()
every_rpc = pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)


def path_of(method: MethodDescriptor) -> str:
    return f"/{method.containing_service.full_name}/{method.name}"


def test_the_contract_is_found() -> None:
    assert {method.containing_service.name for method in METHODS} == {
        "TokenService",
        "AccountService",
        "AdminService",
    }


@every_rpc
def test_an_rpc_has_a_policy(method: MethodDescriptor) -> None:
    assert path_of(method) in POLICIES


@every_rpc
def test_an_rpc_stands_in_the_readme(method: MethodDescriptor) -> None:
    assert re.search(rf"^\| `{method.name}` \| .+ \| .+ \|$", README, re.MULTILINE)


@every_rpc
def test_an_rpc_has_a_method_in_the_client(method: MethodDescriptor) -> None:
    name = re.sub(r"(?<!^)(?=[A-Z])", "_", method.name).lower()
    of_service = IN_THE_CLIENT[method.containing_service.name]
    assert [found for found in dir(of_service) if found.startswith(name)]


def test_no_policy_is_left_over() -> None:
    known = {path_of(method) for method in METHODS}
    for file in (health_pb2.DESCRIPTOR, reflection_pb2.DESCRIPTOR):
        for service in file.services_by_name.values():
            known |= {f"/{service.full_name}/{name}" for name in service.methods_by_name}
    known |= {path.replace(".v1alpha.", ".v1.") for path in known}
    assert set(POLICIES) <= known


def test_the_readme_names_no_rpc_that_is_not_there() -> None:
    _, _, section = README.partition("## The RPCs")
    section, _, _ = section.partition("\n## ")
    named = set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))
    assert named == {method.name for method in METHODS}
