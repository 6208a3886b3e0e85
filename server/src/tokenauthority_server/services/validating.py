"""Validate and BatchValidate: is this token good now (in the sense of RFC 7662)?"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tokenauthority_server.domain.ports import (
    ActivityLog,
    Clock,
    RevocationView,
    SessionStore,
    TokenVerifier,
)
from tokenauthority_server.domain.revocations import Check, CheckSource, Death, RevocationReason
from tokenauthority_server.domain.tokens import (
    Claims,
    InactiveReason,
    TokenRefusedError,
    TokenType,
    time_refusal,
)

YIELD_EVERY = 50
"""Tokens after which others get their turn: some milliseconds of signatures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether a token is good: it is exactly when `reason` is None, and then `claims` says more.

    `source` is None where the token alone decided.
    """

    check_time: datetime
    reason: InactiveReason | None = None
    revocation_reason: RevocationReason | None = None
    claims: Claims | None = None
    source: CheckSource | None = None


@dataclass(frozen=True, slots=True)
class Validating:
    """Answers for tokens. `leeway` is in seconds."""

    verifier: TokenVerifier
    view: RevocationView
    sessions: SessionStore
    clock: Clock
    leeway: int
    activity: ActivityLog

    async def validate(self, token: str, expected: TokenType) -> Verdict:
        """Return the verdict; raise StoreUnavailableError when none can be given."""
        return (await self.validate_many((token,), expected))[0]

    async def validate_many(self, tokens: Sequence[str], expected: TokenType) -> Sequence[Verdict]:
        """Return the verdicts in the order of the tokens; raise StoreUnavailableError.

        All of them rest on one question to the view; refresh tokens are asked of the store.
        """
        now = self.clock.now()
        judged = []
        for number, token in enumerate(tokens, 1):
            judged.append(self._judge(token, expected, now))
            if number % YIELD_EVERY == 0:
                # Other callers' tokens are not kept waiting behind a long list.
                await asyncio.sleep(0)
        alive = [claims for claims in judged if isinstance(claims, Claims)]
        check = await self._check(alive, expected)
        if expected is TokenType.ACCESS:
            # Asking for a refresh token is no use of its session.
            for claims, death in zip(alive, check.deaths, strict=True):
                if death is None:
                    self.activity.record(claims.user_id, claims.session_id, now)
        deaths = iter(check.deaths)
        return [
            one if isinstance(one, Verdict) else _verdict(one, next(deaths), now, check.source)
            for one in judged
        ]

    def _judge(self, token: str, expected: TokenType, now: datetime) -> Claims | Verdict:
        """Return the claims of a token that is good by itself, else its verdict."""
        try:
            claims = self.verifier.verify(token)
        except TokenRefusedError as error:
            return Verdict(check_time=now, reason=error.reason)
        if claims.token_type is not expected:
            return Verdict(check_time=now, reason=InactiveReason.WRONG_TYPE)
        refusal = time_refusal(claims, now=now.timestamp(), leeway=self.leeway)
        return Verdict(check_time=now, reason=refusal) if refusal else claims

    async def _check(self, alive: Sequence[Claims], expected: TokenType) -> Check:
        if not alive:
            return Check(CheckSource.DATABASE, ())
        if expected is TokenType.REFRESH:
            deaths = await self.sessions.refresh_token_deaths(alive)
            return Check(CheckSource.DATABASE, tuple(deaths))
        return await self.view.check(alive)


def _verdict(claims: Claims, death: Death | None, now: datetime, source: CheckSource) -> Verdict:
    if death is None:
        return Verdict(check_time=now, claims=claims, source=source)
    return Verdict(
        check_time=now,
        reason=death.reason,
        revocation_reason=death.revocation_reason,
        source=source,
    )
