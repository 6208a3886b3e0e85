"""Row 13: many refreshes of one token at once."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle, islice

import pytest
from faults.harness.caller import Caller, Refused
from faults.harness.check import check, check_tables
from faults.harness.counts import rounds
from faults.harness.fleet import Fleet
from faults.harness.record import Record, SessionRecord
from faults.harness.served import Served
from support.authority import serving

from tokenauthority.v1 import token_service_pb2 as pb
from tokenauthority_server.adapters.postgres import statements

CALLERS = 64
GUARD = "AND s.current_fingerprint = $3"


async def a_round(record: Record, servers: Sequence[Served], session: SessionRecord) -> int:
    """Refresh the last token at once; return how many were told to be the first."""
    presented = session.last.refresh_token
    answers = await asyncio.gather(
        *(
            Caller(record, server).refresh(session, presented)
            for server in islice(cycle(servers), CALLERS)
        )
    )
    assert not any(isinstance(answer, Refused) for answer in answers), answers
    # The record sees that all of them were given one and the same pair.
    pairs = [answer for answer in answers if isinstance(answer, pb.RefreshResponse)]
    assert pairs, "nobody was answered"
    firsts = sum(not answer.replayed for answer in pairs)
    # A machine that is busy may leave some without an answer, the first among them.
    assert firsts or len(pairs) < CALLERS
    return firsts


async def test_of_64_refreshes_at_once_one_wins(
    fleet: Fleet, record: Record, counted: Callable[[int, int], Iterator[int]]
) -> None:
    session = await Caller(record, fleet.workers[0]).open("u-13")
    for _ in counted(13, rounds(5, 1_000)):
        assert await a_round(record, fleet.workers, session) <= 1

    await check(record, fleet.workers, fleet.database_url)


async def test_without_its_guard_several_win(
    database_url: str, redis_url: str, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What makes the test above pass is the comparison that is taken away here.
    assert statements.ROTATE.count(GUARD) == 1
    careless = statements.ROTATE.replace(GUARD, "AND $3::bytea IS NOT NULL")
    monkeypatch.setattr(statements, "ROTATE", careless)
    async with serving(database_url, redis_url) as authority:
        session = await Caller(record, authority).open("u-13")
        assert await a_round(record, [authority], session) > 1
        with pytest.raises(AssertionError, match="exchanged for two pairs"):
            await check(record, [authority], database_url)
        with pytest.raises(AssertionError, match="refreshed: counted"):
            await check_tables(record, database_url)
