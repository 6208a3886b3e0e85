"""Reading the audit trail."""

from collections.abc import AsyncIterator
from typing import Unpack

from tokenauthority.v1 import admin_service_pb2 as pb
from tokenauthority_client import convert
from tokenauthority_client.admin import converting
from tokenauthority_client.admin.models import AuditCriteria, AuditEvent, AuditEventPage
from tokenauthority_client.connection import CallOptions
from tokenauthority_client.paging import all_pages
from tokenauthority_client.service import Service

_ALL = AuditCriteria()


class AuditTrail(Service):
    """What administrators read of what happened."""

    async def list_audit_events(
        self,
        criteria: AuditCriteria = _ALL,
        *,
        page_size: int = 0,
        page_token: str = "",
        **options: Unpack[CallOptions],
    ) -> AuditEventPage:
        """Return a page of the events that meet the criteria, newest first.

        A `page_size` of 0 means 50, and above 500 is taken as 500. `page_token` is the
        `next_page_token` of the page before.
        """
        response = await self._connection.call(
            self._connection.rpcs.admin.ListAuditEvents,
            pb.ListAuditEventsRequest(
                user_id=criteria.user_id,
                session_id=criteria.session_id,
                kinds=convert.strings(criteria.kinds),
                start_time=convert.to_time(criteria.start_time, "start_time"),
                end_time=convert.to_time(criteria.end_time, "end_time"),
                page_size=page_size,
                page_token=page_token,
            ),
            **options,
        )
        return AuditEventPage(
            events=tuple(converting.from_event(event) for event in response.events),
            next_page_token=response.next_page_token,
        )

    def iter_audit_events(
        self,
        criteria: AuditCriteria = _ALL,
        *,
        page_size: int = 0,
        **options: Unpack[CallOptions],
    ) -> AsyncIterator[AuditEvent]:
        """Yield all events that meet the criteria, newest first, asking for page after page.

        The time-out holds for each page.
        """

        async def ask(page_token: str) -> tuple[tuple[AuditEvent, ...], str]:
            page = await self.list_audit_events(
                criteria, page_size=page_size, page_token=page_token, **options
            )
            return page.events, page.next_page_token

        return all_pages(ask)
