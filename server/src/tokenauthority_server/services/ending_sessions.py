"""RevokeSessions: end every session that meets the criteria, or tell how many there are."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tokenauthority_server.domain.admin_ports import SessionEnder
from tokenauthority_server.domain.errors import InvalidRequestError, OverloadedError, Violation
from tokenauthority_server.domain.ports import Propagation
from tokenauthority_server.domain.revocations import About, FactKind, RevocationReason
from tokenauthority_server.domain.session_criteria import SessionCriteria, SessionKey, Span
from tokenauthority_server.domain.sessions import Origin

ENDED_AT_ONCE = 1_000
"""Sessions ended by one change: few enough to take a part of a second."""

LOOKED_AT_ONCE = 20_000
"""Sessions looked at by one question, where few are to be ended or all are only counted."""

ENDING_SECONDS = 15.0
"""How long a call ends sessions; those that it has not come to are counted after that."""

COUNTING_SECONDS = 10.0
"""How long they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedSessions:
    """How many live sessions met the criteria, how many of them this ended, and who knows it."""

    matched: int
    revoked: int
    effective_everywhere: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EndingSessions:
    """Ends sessions by what they are. `now` counts seconds from anywhere."""

    ender: SessionEnder
    propagation: Propagation
    now: Callable[[], float] = time.monotonic

    async def revoke(
        self, criteria: SessionCriteria, reason: RevocationReason, origin: Origin, *, dry_run: bool
    ) -> EndedSessions:
        """End what meets the criteria; in a dry run only count it.

        More sessions than there is time for are left: then `matched` is more than `revoked`, and
        the next call ends more. Raises InvalidRequestError when nothing is set, and OverloadedError
        when not even counting came to its end; what was ended stays ended.
        """
        if not criteria:
            raise InvalidRequestError(Violation("criteria", "are required: set at least one"))
        until = self.now() + ENDING_SECONDS
        matched = revoked = 0
        length = ENDED_AT_ONCE
        after = None
        published: list[bool] = []
        while True:
            now = self.now()
            if now >= until + COUNTING_SECONDS:
                raise OverloadedError
            if dry_run or now >= until:
                span = Span(length=LOOKED_AT_ONCE, most=LOOKED_AT_ONCE, after=after)
                stretch = await self.ender.count_stretch(criteria, span)
            else:
                span = Span(length=length, most=ENDED_AT_ONCE, after=after)
                stretch = await self.ender.end_stretch(criteria, span, reason, origin)
                if stretch.dead:
                    published.append(await self.propagation.publish(_about(stretch.dead)))
                # Where few are meant, more are looked at: those that are may be millions away.
                are_few = stretch.matched * 4 < ENDED_AT_ONCE
                length = min(length * 2, LOOKED_AT_ONCE) if are_few else ENDED_AT_ONCE
            matched += stretch.matched
            revoked += stretch.ended
            after = stretch.end
            if after is None:
                break
        # Waiting once, for all of them.
        settled = not published or await self.propagation.settle(About())
        return EndedSessions(
            matched=matched, revoked=revoked, effective_everywhere=settled and all(published)
        )


def _about(sessions: Iterable[SessionKey]) -> About:
    """Return what these sessions died of: each by itself, or with all of its user's."""
    return About(
        keys=frozenset(
            (one.user_id, kind, target)
            for one in sessions
            for kind, target in ((FactKind.SESSION, one.session_id), (FactKind.USER, ""))
        )
    )
