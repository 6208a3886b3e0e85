"""What AdminService calls."""

from dataclasses import dataclass

from tokenauthority.v1.admin_service_pb2_grpc import AdminServiceServicer
from tokenauthority_server.domain.admin_ports import AuditTrail
from tokenauthority_server.services.audit_reading import AuditReading
from tokenauthority_server.services.counting import Counting
from tokenauthority_server.services.ending_sessions import EndingSessions
from tokenauthority_server.services.passwords import Passwords
from tokenauthority_server.services.signing_keys import SigningKeys
from tokenauthority_server.services.user_statuses import UserStatuses
from tokenauthority_server.services.users import Users


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminUseCases:
    """The use cases, and the trail in which each call is told."""

    users: Users
    statuses: UserStatuses
    passwords: Passwords
    ending: EndingSessions
    counting: Counting
    keys: SigningKeys
    audit: AuditReading
    trail: AuditTrail


class AdminCalls(AdminServiceServicer):
    """What the subjects of AdminService have in common."""

    def __init__(self, use_cases: AdminUseCases) -> None:
        self._use = use_cases
