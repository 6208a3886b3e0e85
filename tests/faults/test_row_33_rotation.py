"""Row 33: keys are rotated under load. No good token is refused, and nobody is told to wait."""

from collections.abc import Callable, Iterator
from functools import partial

from faults.harness.check import check
from faults.harness.counts import rounds
from faults.harness.fleet import Fleet
from faults.harness.keys import (
    HEARD_SECONDS,
    active_key,
    age_keys,
    keys_command,
    signs_with,
    states,
)
from faults.harness.load import Load
from faults.harness.record import Record
from support.waiting import eventually

FEW = 0.05
PAST = 60
"""Days by which everything is older afterwards: the key that signs is due, by itself."""


async def test_rotating_keys_is_noticed_by_nobody(
    database_url: str,
    redis_url: str,
    record: Record,
    counted: Callable[[int, int], Iterator[int]],
) -> None:
    # Guards: without the question for an unknown `kid`, tokens of the other worker were UNKNOWN_KEY
    # and refreshes REFRESH_TOKEN_INVALID; without the grant's own key in `Minting.pair`, replays
    # were signed with another one than their first answer.
    async with Fleet.of(2, database_url, redis_url) as fleet:
        async with Load.on(record, fleet.workers, "33") as load:
            for number in counted(33, rounds(2, 50)):
                before = await active_key(database_url)
                if number % 2:
                    # By hand: the successor has been published for long enough.
                    await age_keys(database_url, days=1)
                    await keys_command(database_url, "activate")
                else:
                    # By itself.
                    await age_keys(database_url, days=PAST)
                    await eventually(partial(_is_another, database_url, before), HEARD_SECONDS)
                after = await active_key(database_url)
                assert after != before
                await load.goes_on(fleet.workers)
                for worker in fleet.workers:
                    await signs_with(record, worker, after)
                await eventually(partial(_has_successor, database_url), HEARD_SECONDS)
        # A machine that is busy may keep a call waiting for too long; a rotation keeps nobody.
        assert load.asked_again < FEW * load.answered.total()
        await check(record, fleet.workers, database_url)
        found = list((await states(database_url)).values())
        assert found.count("ACTIVE") == found.count("PREPARED") == 1


async def _is_another(database_url: str, key_id: str) -> bool:
    return await active_key(database_url) != key_id


async def _has_successor(database_url: str) -> bool:
    return "PREPARED" in (await states(database_url)).values()
