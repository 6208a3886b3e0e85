"""Sessions by criteria, and what was counted of tokens."""

from typing import Any

import grpc
from typing_extensions import override

from tokenauthority.v1 import admin_service_pb2 as pb
from tokenauthority_server.transport.admin import requests, responses
from tokenauthority_server.transport.admin.auditing import audited
from tokenauthority_server.transport.admin.use_cases import AdminCalls
from tokenauthority_server.transport.calling import caller, origin

_Context = grpc.aio.ServicerContext[Any, Any]


class SessionCalls(AdminCalls):
    """Errors are raised as they are: interceptors/errors.py gives them their status."""

    @override
    async def RevokeSessions(
        self, request: pb.RevokeSessionsRequest, context: _Context
    ) -> pb.RevokeSessionsResponse:
        criteria, reason, dry_run = requests.revoke_sessions(request)
        before = criteria.create_time_before
        async with audited(
            self._use.trail,
            "admin.revoke_sessions",
            user_id=criteria.user_id,
            device_id=criteria.device_id,
            ip_range=criteria.ip_range,
            user_agent=criteria.user_agent,
            create_time_before=before and before.isoformat(),
            key_id=criteria.key_id,
            reason=reason,
            dry_run="true" if dry_run else "",
        ) as note:
            caller().rights.may_claim(reason)
            ended = await self._use.ending.revoke(criteria, reason, origin(), dry_run=dry_run)
            note.tell(matched_sessions=ended.matched, revoked_sessions=ended.revoked)
        return pb.RevokeSessionsResponse(
            matched_sessions=ended.matched,
            revoked_sessions=ended.revoked,
            effective_everywhere=ended.effective_everywhere,
        )

    @override
    async def GetTokenMetrics(
        self, request: pb.GetTokenMetricsRequest, context: _Context
    ) -> pb.GetTokenMetricsResponse:
        day, user_id, device_id = requests.get_token_metrics(request)
        async with audited(
            self._use.trail,
            "admin.get_token_metrics",
            user_id=user_id,
            day=day,
            device_id=device_id,
        ):
            metrics = await self._use.counting.token_metrics(day, user_id, device_id)
        return pb.GetTokenMetricsResponse(metrics=responses.token_metrics(metrics))
