"""What is told to revocation logs, and what they are seen to do."""

import secrets
import time
from datetime import UTC, datetime, timedelta

from tokenauthority_server.domain.revocation_ports import (
    BEGINNING,
    Granted,
    OtherData,
    RevocationLog,
    Row,
)
from tokenauthority_server.domain.revocations import Fact, FactKind, LiveFact, RevocationReason

NOON = datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)
SHORT = 0.05
LONG = 20.0
"""Nobody waits so long here: who is woken is woken before."""


def fact(number: int = 1, kind: FactKind = FactKind.SESSION) -> LiveFact:
    return LiveFact(
        Fact(
            kind=kind,
            user_id=f"u-{number}",
            target=f"sess_{number}",
            reason=RevocationReason.LOGOUT,
            epoch=number,
            except_session_id=f"sess_é{number}",
        ),
        NOON,
        timedelta(minutes=5, microseconds=number),
    )


def name() -> str:
    return secrets.token_hex(8)


async def granted(log: RevocationLog) -> tuple[str, str]:
    """Return the identity and a new row under it, at the end of the log."""
    standing, row = await log.look(), name()
    assert isinstance(await log.grant(standing.identity, row, standing.position), Granted)
    return standing.identity, row


async def assert_begun_anew(log: RevocationLog, identity: str, row: str) -> None:
    renewed = await log.renew(identity, row, Row(1, BEGINNING), tell=False)
    assert isinstance(renewed, OtherData)
    assert renewed.identity != identity
    assert await log.grant(identity, row, BEGINNING) == renewed
    assert not await log.strike(identity, row, 0)
    rows = await log.rows()
    assert (rows.identity, rows.end, rows.rows) == (renewed.identity, BEGINNING, {})
    assert await log.follow(BEGINNING, SHORT) == []
    assert (await log.append([fact()])).identity == renewed.identity


async def assert_quiet(log: RevocationLog) -> None:
    began = time.monotonic()
    await log.wait_for_reports(SHORT)
    assert time.monotonic() - began >= SHORT * 0.9
