"""ListSessions: a user's live sessions, newest first, page by page."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from tokenauthority_server.domain.ports import ActivityLog, PageTokens, SessionStore
from tokenauthority_server.domain.sessions import Session, SessionCursor
from tokenauthority_server.services.paging import cursor_of, size_of


@dataclass(frozen=True, slots=True)
class Listed:
    """A page. `next_page_token` is empty on the last one."""

    sessions: tuple[Session, ...]
    next_page_token: str


@dataclass(frozen=True, slots=True)
class Listing:
    """Lists sessions."""

    sessions: SessionStore
    activity: ActivityLog
    page_tokens: PageTokens

    async def list_sessions(self, user_id: str, page_size: int, page_token: str) -> Listed:
        """Return a page of the user's live sessions; a `page_size` of 0 means the default.

        Raises InvalidRequestError for a page token that is altered or of another request.
        """
        binding = f"ListSessions {user_id}"
        cursor = cursor_of(self.page_tokens, binding, page_token)
        after = _read(cursor) if cursor else None
        page = await self.sessions.page(user_id, size_of(page_size), after)
        seen = await self.activity.read(user_id, [one.session_id for one in page.sessions])
        return Listed(
            tuple(
                replace(
                    one,
                    last_activity_time=max(
                        one.last_activity_time, seen.get(one.session_id, one.last_activity_time)
                    ),
                )
                for one in page.sessions
            ),
            self.page_tokens.seal(binding, _write(page.cursor)) if page.cursor else "",
        )


def _write(cursor: SessionCursor) -> str:
    return f"{cursor.create_time.astimezone(UTC).isoformat()} {cursor.session_id}"


def _read(text: str) -> SessionCursor:
    time, _, session_id = text.partition(" ")
    return SessionCursor(create_time=datetime.fromisoformat(time), session_id=session_id)
