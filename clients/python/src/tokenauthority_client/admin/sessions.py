"""Ending sessions by what they have in common, and what a day has counted."""

from datetime import date
from typing import Unpack

from tokenauthority.v1 import admin_service_pb2 as pb
from tokenauthority_client import convert
from tokenauthority_client.admin import converting
from tokenauthority_client.admin.models import (
    SessionCriteria,
    SessionsRevocationResult,
    TokenMetrics,
)
from tokenauthority_client.connection import CallOptions
from tokenauthority_client.enums import RevocationReason
from tokenauthority_client.service import Service


class Sessions(Service):
    """What administrators do with sessions, and see of them."""

    async def revoke_sessions(
        self,
        criteria: SessionCriteria,
        *,
        reason: RevocationReason = RevocationReason.ADMIN,
        dry_run: bool = False,
        **options: Unpack[CallOptions],
    ) -> SessionsRevocationResult:
        """End every session that meets the criteria, or with `dry_run` tell how many there are.

        What a call leaves because its time was up (`matched_sessions` is more than
        `revoked_sessions`) the next one ends.
        """
        response = await self._connection.call(
            self._connection.rpcs.admin.RevokeSessions,
            pb.RevokeSessionsRequest(
                criteria=converting.to_criteria(criteria),
                reason=convert.to_revocation_reason(reason),
                dry_run=dry_run,
            ),
            **options,
        )
        return SessionsRevocationResult(
            matched_sessions=response.matched_sessions,
            revoked_sessions=response.revoked_sessions,
            effective_everywhere=response.effective_everywhere,
        )

    async def get_token_metrics(
        self,
        day: date | None = None,
        *,
        user_id: str = "",
        device_id: str = "",
        **options: Unpack[CallOptions],
    ) -> TokenMetrics:
        """Return what was counted on a day (UTC), today unless one is given.

        In all, or of one user, or of one device.
        """
        response = await self._connection.call(
            self._connection.rpcs.admin.GetTokenMetrics,
            pb.GetTokenMetricsRequest(
                day=converting.to_day(day), user_id=user_id, device_id=device_id
            ),
            **options,
        )
        return converting.from_metrics(response.metrics)
