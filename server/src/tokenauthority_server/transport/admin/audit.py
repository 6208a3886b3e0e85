"""The audit trail."""

from typing import Any

import grpc
from typing_extensions import override

from tokenauthority.v1 import admin_service_pb2 as pb
from tokenauthority_server.transport.admin import requests, responses
from tokenauthority_server.transport.admin.auditing import audited
from tokenauthority_server.transport.admin.use_cases import AdminCalls

_Context = grpc.aio.ServicerContext[Any, Any]


class AuditCalls(AdminCalls):
    """Errors are raised as they are: interceptors/errors.py gives them their status."""

    @override
    async def ListAuditEvents(
        self, request: pb.ListAuditEventsRequest, context: _Context
    ) -> pb.ListAuditEventsResponse:
        wanted, page_size, page_token = requests.list_audit_events(request)
        async with audited(
            self._use.trail,
            "admin.list_audit_events",
            user_id=wanted.user_id,
            session_id=wanted.session_id,
            kinds=" ".join(wanted.kinds),
            start_time=wanted.start_time and wanted.start_time.isoformat(),
            end_time=wanted.end_time and wanted.end_time.isoformat(),
        ):
            listed = await self._use.audit.list_events(wanted, page_size, page_token)
        return pb.ListAuditEventsResponse(
            events=[responses.audit_event(one) for one in listed.events],
            next_page_token=listed.next_page_token,
        )
