"""The platform's old tokens, wired: all that is left to delete beside `adapters/legacy`."""

from dataclasses import dataclass

import structlog

from tokenauthority_server.adapters.clock import SystemClock
from tokenauthority_server.adapters.legacy.facts import PostgresDatedFacts
from tokenauthority_server.adapters.legacy.revoker import LegacyRevoker
from tokenauthority_server.adapters.legacy.tokens import OldTokens
from tokenauthority_server.adapters.legacy.verifier import LegacyVerifier
from tokenauthority_server.adapters.legacy.view import LegacyView
from tokenauthority_server.adapters.postgres.database import Database
from tokenauthority_server.config import Settings
from tokenauthority_server.domain.ports import RevocationView, SessionRevoker, TokenVerifier
from tokenauthority_server.telemetry.metrics import Metrics

_log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepting:
    """What Validate and Revoke go by. Refresh takes no old token, so it has no part in it."""

    verifier: TokenVerifier
    view: RevocationView
    revoker: SessionRevoker


def accepting(
    ours: Accepting, settings: Settings, database: Database, metrics: Metrics
) -> Accepting:
    """Return what takes old tokens too, or `ours` itself where the settings name none."""
    until = settings.legacy_jwt_until
    if until is None:
        return ours
    _log.info("the platform's old tokens are accepted", until=until.isoformat())
    facts = PostgresDatedFacts(database)
    old = OldTokens(
        settings.legacy_jwt_secret_key.get_secret_value().encode(),
        issuer=settings.jwt_issuer,
        audience=settings.jwt_audience,
    )
    return Accepting(
        verifier=LegacyVerifier(
            ours.verifier,
            old,
            until=until,
            clock=SystemClock(),
            leeway=settings.clock_leeway_seconds,
            series=metrics.legacy_tokens(),
        ),
        view=LegacyView(ours.view, facts, settings.clock_leeway),
        revoker=LegacyRevoker(ours.revoker, facts),
    )
