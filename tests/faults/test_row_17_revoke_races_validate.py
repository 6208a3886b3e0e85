"""Row 17: tokens are revoked while everybody is asked about them.

What begins after the acknowledgement is refused, by every worker and by every strict client; what
ended before the revocation was asked for is accepted.
"""

from collections.abc import Callable, Iterator

import pytest
from faults.harness.counts import rounds
from faults.harness.fleet import Fleet
from faults.harness.report import Measured
from faults.harness.trial import Trial

AT_ONCE = 5


@pytest.mark.parametrize("lease", ["1", "3"])
async def test_revocations_are_linearizable(
    database_url: str,
    own_redis_url: str,
    counted: Callable[[int, int], Iterator[int]],
    measured: Measured,
    lease: str,
) -> None:
    async with (
        Fleet.of(2, database_url, own_redis_url, REVOCATION_LEASE_SECONDS=lease) as fleet,
        Trial.of(fleet, "17") as trial,
    ):
        # At the start the data set is new, and waited for.
        await trial.issue_and_finish(1, "the start")
        for _ in counted(17, rounds(6, 100)):
            await trial.issue_and_finish(AT_ONCE, "nothing")
    measured(trial.history)
    trial.history.check_final()


async def revoke(database_url: str, redis_url: str, without: str) -> None:
    async with (
        Fleet.of(2, database_url, redis_url, without=without) as fleet,
        Trial.of(fleet, "17") as trial,
    ):
        for _ in range(20):
            await trial.issue_and_finish(AT_ONCE, "nothing")


async def test_without_waiting_what_was_revoked_everywhere_is_accepted(
    database_url: str, own_redis_url: str
) -> None:
    with pytest.raises(AssertionError, match="R1, accepted"):
        await revoke(database_url, own_redis_url, "waiting for the rows")
