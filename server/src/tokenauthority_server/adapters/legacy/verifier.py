"""Accepting the platform's old access tokens beside our own, until a date."""

from datetime import UTC, date

from tokenauthority_server.adapters.legacy.tokens import OldTokens, has_old_form
from tokenauthority_server.domain.ports import Clock, TokenVerifier
from tokenauthority_server.domain.tokens import (
    Claims,
    InactiveReason,
    TokenRefusedError,
    TokenType,
    unfit,
)
from tokenauthority_server.telemetry.metrics import LegacyTokenSeries


class LegacyVerifier:
    """A TokenVerifier that accepts old tokens as well, up to and including the day `until` (UTC).

    Ours are asked about first, and cost nothing more. `leeway` is in seconds, and is for the
    counting alone: an old token that has expired shows no need, so it counts as refused.
    """

    def __init__(  # noqa: PLR0913 - all but two by name
        self,
        ours: TokenVerifier,
        old: OldTokens,
        *,
        until: date,
        clock: Clock,
        leeway: int,
        series: LegacyTokenSeries,
    ) -> None:
        self._ours = ours
        self._old = old
        self._until = until
        self._clock = clock
        self._leeway = leeway
        self._series = series

    def verify(self, token: str) -> Claims:
        """See TokenVerifier.verify; after the date it refuses what it would without old tokens."""
        try:
            return self._ours.verify(token)
        except TokenRefusedError as error:
            reason = error.reason
        if reason is InactiveReason.MALFORMED and has_old_form(token):
            judged = self._judge(token)
            if isinstance(judged, Claims):
                return judged
            reason = judged
        raise TokenRefusedError(reason)

    def _judge(self, token: str) -> Claims | InactiveReason:
        now = self._clock.now()
        over = now.astimezone(UTC).date() > self._until
        judged = InactiveReason.MALFORMED if over else self._old.verify(token)
        good = isinstance(judged, Claims) and not unfit(
            judged, TokenType.ACCESS, now=now.timestamp(), leeway=self._leeway
        )
        if good:
            self._series.accepted.inc()
            self._series.last_accepted.set(now.timestamp())
        else:
            self._series.refused.inc()
        return judged
