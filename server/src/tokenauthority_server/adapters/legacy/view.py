"""Which old tokens are dead: by what kills any token, and by time where ours die by epoch."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from tokenauthority_server.adapters.legacy.facts import WRITING, DatedFact, DatedFacts
from tokenauthority_server.adapters.legacy.tokens import LEGACY_KEY_ID
from tokenauthority_server.domain.ports import RevocationView
from tokenauthority_server.domain.revocations import (
    Check,
    CheckSource,
    Death,
    FactKind,
    death_by,
    targets,
)
from tokenauthority_server.domain.tokens import Claims, InactiveReason

_Facts = Mapping[tuple[str, FactKind, str], DatedFact]


class LegacyView:
    """A RevocationView for old tokens too. `leeway` is how far two clocks may be apart.

    See docs/decisions/0012-legacy-tokens-die-by-time.md.
    """

    def __init__(self, ours: RevocationView, facts: DatedFacts, leeway: timedelta) -> None:
        self._ours = ours
        self._facts = facts
        self._slack = (leeway + WRITING).total_seconds()

    def check_now(self, claims: Claims) -> Check | None:
        """See RevocationView.check_now: what kills old tokens by time stands in the database."""
        return None if _is_old(claims) else self._ours.check_now(claims)

    async def check(self, claims: Sequence[Claims]) -> Check:
        """See RevocationView.check. Where any token is an old one, the facts tell of all of them.

        So it is one question whichever they are, and its time does not tell an old token that is
        dead from one that was refused before.
        """
        if not any(_is_old(one) for one in claims):
            return await self._ours.check(claims)
        found = {
            (one.fact.user_id, one.fact.kind, one.fact.target): one
            for one in await self._facts.find(claims)
        }
        return Check(CheckSource.DATABASE, tuple(self._death(found, one) for one in claims))

    def _death(self, found: _Facts, claims: Claims) -> Death | None:
        for target in targets(claims):
            dated = found.get(target)
            death = self._death_by(dated, claims) if dated else None
            if death:
                return death
        return None

    def _death_by(self, dated: DatedFact, claims: Claims) -> Death | None:
        fact = dated.fact
        if not _is_old(claims) or fact.kind not in {FactKind.USER, FactKind.PROFILE}:
            return death_by(fact, claims)
        is_later = claims.issue_time > dated.create_time.timestamp() + self._slack
        is_spared = bool(claims.session_id) and claims.session_id == fact.except_session_id
        return None if is_later or is_spared else Death(InactiveReason.USER_REVOKED, fact.reason)


def _is_old(claims: Claims) -> bool:
    return claims.key_id == LEGACY_KEY_ID
