"""The method policy table: what holds for each RPC before its own code runs.

A method without a row is not served: the server refuses to start with one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Final

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor

from tokenauthority_server.domain.errors import StartError


class Callers(Enum):
    """Who may call a method: anyone at all, unasked; or the callers that are allowed it by name."""

    OPEN = auto()
    LISTED = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A row of the table.

    `default_deadline` is in seconds, for calls that come without one; None bounds nothing.
    `audited` says whether what a call of it changes is told in the audit trail.
    """

    callers: Callers
    default_deadline: float | None
    audited: bool


_CHECK: Final = Policy(callers=Callers.LISTED, default_deadline=2.0, audited=False)
_READ: Final = Policy(callers=Callers.LISTED, default_deadline=5.0, audited=False)
_CHANGE: Final = Policy(callers=Callers.LISTED, default_deadline=5.0, audited=True)
# The wait for a turn, two floors and the change itself.
_PASSWORD: Final = Policy(callers=Callers.LISTED, default_deadline=10.0, audited=True)
# What touches many rows, or counts them afterwards, has the time for it.
_ADMIN: Final = Policy(callers=Callers.LISTED, default_deadline=35.0, audited=True)
_STREAM: Final = Policy(callers=Callers.LISTED, default_deadline=None, audited=False)
# Those who ask whether the authority is well are mostly not its callers.
_HEALTH: Final = replace(_CHECK, callers=Callers.OPEN)
_HEALTH_STREAM: Final = replace(_STREAM, callers=Callers.OPEN)

POLICIES: Final[Mapping[str, Policy]] = {
    "/tokenauthority.v1.TokenService/CreatePair": _CHANGE,
    "/tokenauthority.v1.TokenService/Validate": _CHECK,
    "/tokenauthority.v1.TokenService/BatchValidate": _READ,
    "/tokenauthority.v1.TokenService/Refresh": _CHANGE,
    "/tokenauthority.v1.TokenService/Revoke": _CHANGE,
    "/tokenauthority.v1.TokenService/ListSessions": _READ,
    "/tokenauthority.v1.TokenService/GetPublicKeys": _CHECK,
    "/tokenauthority.v1.TokenService/WatchRevocations": _STREAM,
    "/tokenauthority.v1.AccountService/Login": _PASSWORD,
    "/tokenauthority.v1.AccountService/Logout": _CHANGE,
    "/tokenauthority.v1.AccountService/LogoutAll": _CHANGE,
    "/tokenauthority.v1.AccountService/ChangePassword": _PASSWORD,
    "/tokenauthority.v1.AdminService/PutUser": _ADMIN,
    "/tokenauthority.v1.AdminService/GetUser": _ADMIN,
    "/tokenauthority.v1.AdminService/ListUsers": _ADMIN,
    "/tokenauthority.v1.AdminService/SetPassword": _ADMIN,
    "/tokenauthority.v1.AdminService/SetUserStatus": _ADMIN,
    "/tokenauthority.v1.AdminService/DeleteUser": _ADMIN,
    "/tokenauthority.v1.AdminService/RevokeSessions": _ADMIN,
    "/tokenauthority.v1.AdminService/GetTokenMetrics": _ADMIN,
    "/tokenauthority.v1.AdminService/ListSigningKeys": _ADMIN,
    "/tokenauthority.v1.AdminService/PrepareSigningKey": _ADMIN,
    "/tokenauthority.v1.AdminService/ActivateSigningKey": _ADMIN,
    "/tokenauthority.v1.AdminService/RetireSigningKey": _ADMIN,
    "/tokenauthority.v1.AdminService/RevokeSigningKey": _ADMIN,
    "/tokenauthority.v1.AdminService/ListAuditEvents": _ADMIN,
    "/grpc.health.v1.Health/Check": _HEALTH,
    "/grpc.health.v1.Health/List": _HEALTH,
    "/grpc.health.v1.Health/Watch": _HEALTH_STREAM,
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo": _STREAM,
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": _STREAM,
}


def for_known_callers_only(policies: Mapping[str, Policy]) -> Mapping[str, Policy]:
    """Return the table with nothing in it that is open: HEALTH_REQUIRES_CALLER."""
    return {path: replace(policy, callers=Callers.LISTED) for path, policy in policies.items()}


class IncompletePolicyError(StartError):
    """Methods would be served that nothing is decided about."""

    def __init__(self, paths: Iterable[str]) -> None:
        listed = "".join(f"\n  {path}" for path in paths)
        super().__init__(
            "These methods have no row in the method policy table "
            f"(POLICIES in transport/policy.py), so the server does not start:{listed}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A method that is served. `kind` is the value of the metrics' label `grpc_type`."""

    path: str
    service: str
    name: str
    kind: str
    request_fields: frozenset[str]
    policy: Policy

    @property
    def short_name(self) -> str:
        """Its service and its own name, as a callers' file has them."""
        return f"{self.service.removeprefix('tokenauthority.v1.')}/{self.name}"

    @property
    def is_infrastructure(self) -> bool:
        """Whether it is one of gRPC's own services, which probes call all the time."""
        return self.service.startswith("grpc.")


def check_complete(
    services: Iterable[ServiceDescriptor], policies: Mapping[str, Policy] = POLICIES
) -> Mapping[str, Method]:
    """Return every method of the services by its path; raise IncompletePolicyError."""
    served = {
        f"/{service.full_name}/{method.name}": method
        for service in services
        for method in service.methods
    }
    missing = [path for path in served if path not in policies]
    if missing:
        raise IncompletePolicyError(missing)
    return {path: _method(path, method, policies[path]) for path, method in served.items()}


def _method(path: str, method: MethodDescriptor, policy: Policy) -> Method:
    return Method(
        path=path,
        service=method.containing_service.full_name,
        name=method.name,
        kind=_KINDS[method.client_streaming, method.server_streaming],
        request_fields=frozenset(method.input_type.fields_by_name),
        policy=policy,
    )


_KINDS: Final = {
    (False, False): "unary",
    (True, False): "client_stream",
    (False, True): "server_stream",
    (True, True): "bidi_stream",
}
