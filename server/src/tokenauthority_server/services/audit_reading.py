"""ListAuditEvents: what happened, newest first, page by page."""

import json
from collections.abc import Sequence
from dataclasses import astuple, dataclass

from tokenauthority_server.domain.admin_ports import AuditTrail
from tokenauthority_server.domain.audit import AuditEvent, AuditFilter
from tokenauthority_server.domain.errors import InvalidRequestError, Violation
from tokenauthority_server.domain.ports import PageTokens
from tokenauthority_server.services.paging import cursor_of, size_of


@dataclass(frozen=True, slots=True)
class ListedEvents:
    """A page. `next_page_token` is empty on the last one."""

    events: Sequence[AuditEvent]
    next_page_token: str


@dataclass(frozen=True, slots=True)
class AuditReading:
    """Reads the audit trail."""

    trail: AuditTrail
    page_tokens: PageTokens

    async def list_events(
        self, wanted: AuditFilter, page_size: int, page_token: str
    ) -> ListedEvents:
        """Return a page of events; a `page_size` of 0 is the default.

        A page may hold fewer, also none, and have a next one. Raises InvalidRequestError for a time
        range that is none, and for a page token that is altered or of another request.
        """
        if wanted.start_time and wanted.end_time and wanted.end_time <= wanted.start_time:
            raise InvalidRequestError(Violation("end_time", "is not after start_time"))
        binding = f"ListAuditEvents {json.dumps(astuple(wanted), default=str)}"
        before = cursor_of(self.page_tokens, binding, page_token)
        page = await self.trail.page(wanted, size_of(page_size), before)
        return ListedEvents(
            page.events, self.page_tokens.seal(binding, page.cursor) if page.cursor else ""
        )
