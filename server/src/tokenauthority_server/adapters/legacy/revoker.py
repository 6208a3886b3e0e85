"""Ending what a user holds, old tokens included."""

from tokenauthority_server.adapters.legacy.facts import DatedFacts
from tokenauthority_server.domain.ports import SessionRevoker
from tokenauthority_server.domain.revocations import RevocationReason
from tokenauthority_server.domain.sessions import Origin
from tokenauthority_server.domain.tokens import Claims


class LegacyRevoker:
    """A SessionRevoker that also ends the old tokens of users whom the directory does not know."""

    def __init__(self, ours: SessionRevoker, facts: DatedFacts) -> None:
        self._ours = ours
        self._facts = facts

    async def revoke_token(self, claims: Claims, reason: RevocationReason, origin: Origin) -> int:
        """See SessionRevoker.revoke_token; an old token that died by time counts as alive."""
        return await self._ours.revoke_token(claims, reason, origin)

    async def end_session(
        self,
        session_id: str,
        user_id: str | None,
        reason: RevocationReason,
        origin: Origin,
        *,
        presented_key_id: str = "",
    ) -> int:
        """See SessionRevoker.end_session; the platform's old sessions are not known here."""
        return await self._ours.end_session(
            session_id, user_id, reason, origin, presented_key_id=presented_key_id
        )

    async def end_user_sessions(
        self, user_id: str, except_session_id: str, reason: RevocationReason, origin: Origin
    ) -> int:
        """See SessionRevoker.end_user_sessions.

        For a user who is not in the directory it writes nothing, and most holders of old tokens
        are not yet: the fact that kills these is written after it.
        """
        ended = await self._ours.end_user_sessions(user_id, except_session_id, reason, origin)
        await self._facts.add(user_id, reason, origin)
        return ended
