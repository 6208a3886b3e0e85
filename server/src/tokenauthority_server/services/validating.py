"""Validate and BatchValidate: is this token good now (in the sense of RFC 7662)?"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from tokenauthority_server.domain.callers import Rights
from tokenauthority_server.domain.errors import StoreUnavailableError
from tokenauthority_server.domain.key_ports import KeyUpdates
from tokenauthority_server.domain.ports import (
    ActivityLog,
    Clock,
    RevocationView,
    SessionStore,
    TokenMemory,
    TokenVerifier,
)
from tokenauthority_server.domain.revocations import Check, CheckSource, Death, RevocationReason
from tokenauthority_server.domain.tokens import (
    Claims,
    InactiveReason,
    TokenRefusedError,
    TokenType,
    VerifiedToken,
    unfit,
)

YIELD_EVERY = 50
"""Tokens of a list after which others get their turn: some milliseconds of signatures."""

_NOBODYS: Final = Claims(
    token_type=TokenType.ACCESS,
    user_id="-",
    session_id="-",
    token_id="-",  # noqa: S106 - no secret
    issue_time=0,
    expire_time=0,
    epoch=0,
    key_id="-",
)
"""Asked about in the place of a token that is refused already: nobody sees the difference."""


# Not frozen: it would take a call of Python for each field, for each of a million tokens a minute.
@dataclass(slots=True, kw_only=True)
class Verdict:
    """Whether a token is good: it is exactly when `reason` is None, and then `claims` says more.

    `source` is None where the token alone decided, and where the caller may not see reasons.
    `remembered` is where the claims are from, if they are remembered.
    """

    check_time: datetime
    reason: InactiveReason | None = None
    revocation_reason: RevocationReason | None = None
    claims: Claims | None = None
    source: CheckSource | None = None
    remembered: VerifiedToken | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Validating:
    """Answers for tokens. `leeway` is in seconds."""

    verifier: TokenVerifier
    memory: TokenMemory
    keys: KeyUpdates
    view: RevocationView
    sessions: SessionStore
    clock: Clock
    leeway: int
    activity: ActivityLog
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Whose list is verified: one at a time, so that a hundred keep others waiting like one."""
    recalling: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Whose long list is looked up: the same, and behind none that has to be verified."""

    async def validate(self, token: str, expected: TokenType, rights: Rights) -> Verdict:
        """Return the verdict; raise StoreUnavailableError when none can be given."""
        now = self.clock.now()
        verdict = self._known_good(token, expected, now, now.timestamp())
        return verdict or (await self._answer((token,), expected, rights, now))[0]

    async def validate_many(
        self, tokens: Sequence[str], expected: TokenType, rights: Rights
    ) -> Sequence[Verdict]:
        """Return the verdicts in the order of the tokens; raise StoreUnavailableError.

        Those on access tokens that are remembered rest on the view as it is at once, those on the
        others on one question to it; refresh tokens are asked of the store.
        """
        if len(tokens) <= YIELD_EVERY:
            now, known = self._recalled(tokens, expected)
        else:
            async with self.recalling:
                now, known = self._recalled(tokens, expected)
                # A thousand take some milliseconds, and their answer as long: a hundred lists at
                # once would keep all others waiting for half a second.
                await asyncio.sleep(0)
        others = [token for token, one in zip(tokens, known, strict=True) if one is None]
        answered = iter(await self._answer(others, expected, rights, now) if others else ())
        return [one or next(answered) for one in known]

    def _recalled(
        self, tokens: Sequence[str], expected: TokenType
    ) -> tuple[datetime, list[Verdict | None]]:
        """Return what time it is, and what `_known_good` says of each token then."""
        now = self.clock.now()
        seconds = now.timestamp()
        return now, [self._known_good(token, expected, now, seconds) for token in tokens]

    def _known_good(
        self, token: str, expected: TokenType, now: datetime, seconds: float
    ) -> Verdict | None:
        """Return the verdict on a token that is active, where nobody has to be asked for that.

        Of all others None: they are forgotten, so that they take as long as any that is refused.
        `seconds` is `now` since 1970.
        """
        found = self.memory.recall(token)
        if found is None:
            return None
        claims = found.claims
        if unfit(claims, expected, now=seconds, leeway=self.leeway):
            self.memory.forget(token)
            return None
        check = self.view.check_now(claims)
        if check is None:
            return None
        if check.deaths[0] is not None:
            self.memory.forget(token)
            return None
        self.activity.record(claims.user_id, claims.session_id, now)
        return Verdict(check_time=now, claims=claims, source=check.source, remembered=found)

    async def _answer(
        self, tokens: Sequence[str], expected: TokenType, rights: Rights, now: datetime
    ) -> Sequence[Verdict]:
        """Return the verdicts on tokens of which nothing is known, by one question for all."""
        judged = await self._judge_all(tokens, expected, now)
        # Who may not see why asks about all alike: a refused token takes as long as a dead one.
        asked = [
            one if isinstance(one, Claims) else _NOBODYS
            for one in judged
            if isinstance(one, Claims) or not rights.see_reasons
        ]
        check = await self._check(asked, expected)
        deaths = iter(check.deaths)
        verdicts = []
        for token, one in zip(tokens, judged, strict=True):
            death = None if rights.see_reasons and not isinstance(one, Claims) else next(deaths)
            verdict = _verdict(one, death, now, check.source)
            if not verdict.claims:
                self.memory.forget(token)
            elif expected is TokenType.ACCESS:
                # Asking for a refresh token is no use of its session.
                self.activity.record(verdict.claims.user_id, verdict.claims.session_id, now)
            verdicts.append(verdict if rights.see_reasons else _without_reason(verdict))
        return verdicts

    async def _judge_all(
        self, tokens: Sequence[str], expected: TokenType, now: datetime
    ) -> list[Claims | InactiveReason]:
        """Return the claims of each token that is good by itself, else its reason."""
        judged = await self._judge_in_turn(tokens, expected, now)
        if InactiveReason.UNKNOWN_KEY in judged:
            # A key that was made a moment ago, perhaps: nobody is refused for that.
            await self.keys.catch_up()
            unknown = [at for at, one in enumerate(judged) if one is InactiveReason.UNKNOWN_KEY]
            again = await self._judge_in_turn([tokens[at] for at in unknown], expected, now)
            for at, one in zip(unknown, again, strict=True):
                judged[at] = one
        return judged

    async def _judge_in_turn(
        self, tokens: Sequence[str], expected: TokenType, now: datetime
    ) -> list[Claims | InactiveReason]:
        if len(tokens) == 1:
            return [self._judge(tokens[0], expected, now)]
        judged: list[Claims | InactiveReason] = []
        for begin in range(0, len(tokens), YIELD_EVERY):
            async with self.turn:
                judged += (
                    self._judge(token, expected, now)
                    for token in tokens[begin : begin + YIELD_EVERY]
                )
                # Other calls are not kept waiting behind a long list, nor behind many of them.
                await asyncio.sleep(0)
        return judged

    def _judge(self, token: str, expected: TokenType, now: datetime) -> Claims | InactiveReason:
        try:
            claims = self.verifier.verify(token)
        except TokenRefusedError as error:
            return error.reason
        return unfit(claims, expected, now=now.timestamp(), leeway=self.leeway) or claims

    async def _check(self, asked: Sequence[Claims], expected: TokenType) -> Check:
        if not asked:
            return Check(CheckSource.DATABASE, ())
        if all(claims is _NOBODYS for claims in asked):
            # Nothing hangs on the answer, so that nothing hangs on the store either.
            with suppress(StoreUnavailableError):
                await self._ask(asked, expected)
            return Check(CheckSource.DATABASE, (None,) * len(asked))
        return await self._ask(asked, expected)

    async def _ask(self, asked: Sequence[Claims], expected: TokenType) -> Check:
        if expected is TokenType.REFRESH:
            deaths = await self.sessions.refresh_token_deaths(asked)
            return Check(CheckSource.DATABASE, tuple(deaths))
        return await self.view.check(asked)


def _verdict(
    judged: Claims | InactiveReason, death: Death | None, now: datetime, source: CheckSource
) -> Verdict:
    if not isinstance(judged, Claims):
        return Verdict(check_time=now, reason=judged)
    if death is None:
        return Verdict(check_time=now, claims=judged, source=source)
    return Verdict(
        check_time=now,
        reason=death.reason,
        revocation_reason=death.revocation_reason,
        source=source,
    )


def _without_reason(verdict: Verdict) -> Verdict:
    if verdict.claims:
        return verdict
    return Verdict(check_time=verdict.check_time, reason=InactiveReason.INVALID)
