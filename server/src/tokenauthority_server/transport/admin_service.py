"""AdminService: each method parses, calls one use case, converts and returns.

All of them are audited: see admin/auditing.py.
"""

from tokenauthority.v1 import admin_service_pb2 as pb
from tokenauthority.v1.admin_service_pb2_grpc import add_AdminServiceServicer_to_server
from tokenauthority_server.transport.admin.audit import AuditCalls
from tokenauthority_server.transport.admin.keys import KeyCalls
from tokenauthority_server.transport.admin.sessions import SessionCalls
from tokenauthority_server.transport.admin.use_cases import AdminUseCases
from tokenauthority_server.transport.admin.users import UserCalls
from tokenauthority_server.transport.service import Service


def admin_service(use_cases: AdminUseCases) -> Service:
    """Return AdminService over these use cases."""
    servicer = AdminServicer(use_cases)
    return Service(
        descriptor=pb.DESCRIPTOR.services_by_name["AdminService"],
        add_to=lambda server: add_AdminServiceServicer_to_server(servicer, server),
    )


class AdminServicer(UserCalls, SessionCalls, KeyCalls, AuditCalls):
    """All subjects together."""
