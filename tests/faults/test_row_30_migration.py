"""Row 30: the database is migrated while servers of the former release are under load.

None of their calls fails or is late, and servers of this release that wait are ready by themselves.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from itertools import count

from faults.harness.counts import rounds
from faults.harness.fleet import Fleet
from faults.harness.former_release import FormerServer, make_schema
from faults.harness.load import PAUSE
from faults.harness.pace import Pace
from faults.harness.verdicts import BUSY
from support.commands import HERE, environment
from support.postgres import Databases

from tokenauthority_server.adapters.postgres.database import STORE_SECONDS, Database
from tokenauthority_server.domain.errors import StoreUnavailableError

CALLERS = 4
READY_SECONDS = 5.0
MIGRATED_SECONDS = 120.0


@dataclass
class Load:
    """Former servers at work until they are told to stop. What fails is raised."""

    database: Database
    pace: Pace
    over: bool = False
    slowest: float = 0.0
    done: int = 0

    async def live(self, name: str) -> None:
        lives = count()
        while not self.over:
            await self._live(FormerServer(self.database, f"{name}-{next(lives)}"))

    async def _live(self, server: FormerServer) -> None:
        """Go on until a machine that is busy leaves open what was done: that user does no more."""
        while not self.over:
            for call in server.calls:
                lost_before = self.pace.lost
                try:
                    await self._timed(call)
                except StoreUnavailableError:
                    if self.pace.lost - lost_before > BUSY:
                        return
                    raise
                await asyncio.sleep(PAUSE)

    async def _timed(self, call: Callable[[], Awaitable[None]]) -> None:
        began, lost_before = time.monotonic(), self.pace.lost
        await call()
        # What the machine has taken from this process does not count.
        taken = time.monotonic() - began - (self.pace.lost - lost_before)
        self.slowest = max(self.slowest, taken)
        self.done += 1


async def migrate(url: str) -> None:
    """Run the command to its end."""
    process = await asyncio.create_subprocess_exec(
        HERE / "tokenauthority",
        "migrate",
        env=environment({"DATABASE_URL": url}),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(MIGRATED_SECONDS):
        output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    assert b"has been migrated" in output


async def test_no_call_of_the_former_release_fails(
    databases: Databases,
    redis_url: str,
    pace: Pace,
    counted: Callable[[int, int], Iterator[int]],
) -> None:
    # Guard: with an index over three million events of the audit trail built while it is locked,
    # calls had no answer in time. It takes all of the rows to show.
    for _ in counted(30, rounds(1, 2)):
        async with databases.empty() as url:
            await make_schema(url, sessions=rounds(2_000, 300_000))
            async with (
                Fleet.of(1, url, redis_url, ready=False) as fleet,
                asyncio.TaskGroup() as group,
            ):
                (waiting,) = fleet.workers
                database = Database(url)
                await database.open()
                load = Load(database, pace)
                for number in range(CALLERS):
                    group.create_task(load.live(f"u-30-{number}"))
                assert (await waiting.http.ask("/readyz")).status == 503

                await migrate(url)

                await waiting.answers("/readyz", READY_SECONDS)
                before = load.done
                async with asyncio.timeout(READY_SECONDS):
                    while load.done < before + 50:  # noqa: ASYNC110 - the callers tell nobody
                        await asyncio.sleep(PAUSE)
                load.over = True
            await database.close()
            assert load.slowest < STORE_SECONDS
