"""Row 37: logins are guessed, a lock is used against its owner, one source floods."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import grpc
import pytest
from faults.harness.counts import rounds
from faults.harness.fleet import Fleet
from support.failures import Failure, failure_of
from support.people import HOME, PASSWORD, WRONG, Door, hashed
from support.postgres import Connection

from tokenauthority.v1 import token_service_pb2
from tokenauthority_client import Subject
from tokenauthority_server.services.checking import FLOOR_SECONDS

GUESSES = 64
MOST_FAILURES = 5
NOTICED_SECONDS = 2.0
"""A login beside a flood: one turn of each line, a hash, and what a busy machine adds."""


def away(number: int) -> str:
    """Where the guesser of a round comes from: one alone would soon be slowed down."""
    return f"198.51.100.{number}"


@dataclass(frozen=True)
class Town:
    """The doors of both workers, and whoever lives there."""

    fleet: Fleet
    database: Connection
    stored: str

    @property
    def doors(self) -> Sequence[Door]:
        return [Door.of(worker.channel) for worker in self.fleet.workers]

    async def moves_in(self, username: str) -> str:
        """Return the user_id."""
        user_id = f"u-{username}"
        await self.fleet.workers[0].client.create_pair(Subject(user_id=user_id, username=username))
        await self.database.execute(
            "UPDATE tokenauthority.users SET password_hash = $2 WHERE user_id = $1",
            user_id,
            self.stored,
        )
        return user_id

    async def guess(
        self, address: str, username: str, times: int, *passwords: str
    ) -> list[Failure]:
        """Try all at once, through both workers."""
        doors, tried = self.doors, passwords or (WRONG,)
        return await asyncio.gather(
            *(
                failure_of(doors[n % len(doors)].login(username, tried[n % len(tried)], address))
                for n in range(times)
            )
        )

    async def kept(self) -> int:
        """Of how many names and sources failures are kept."""
        count: int = await self.database.fetchval(
            "SELECT count(*) FROM tokenauthority.login_failures"
        )
        return count

    async def checked(self, user_id: str) -> int:
        """How many passwords have been looked at, and were wrong."""
        count: int = await self.database.fetchval(
            "SELECT count(*) FROM tokenauthority.audit_events"
            " WHERE user_id = $1 AND kind = 'login.failed'",
            user_id,
        )
        return count


@pytest.fixture
async def town(fleet: Fleet, fleet_database: Connection) -> Town:
    # The addresses are as good as new for each of these tests.
    await fleet_database.execute("DELETE FROM tokenauthority.login_failures")
    return Town(fleet, fleet_database, await hashed(PASSWORD))


async def is_served(town: Town, pair: token_service_pb2.TokenPair) -> bool:
    """Whether the session goes on, everywhere."""
    client = town.fleet.workers[0].client
    refreshed = (await client.refresh(pair.refresh_token)).pair
    verdicts = [
        await worker.client.validate(refreshed.access_token) for worker in town.fleet.workers
    ]
    return all(verdicts)


async def test_however_many_guess_at_once_few_are_looked_at(
    town: Town, counted: Callable[[int, int], Iterator[int]]
) -> None:
    # Seen failing with the attempt counted after its hash, and not before.
    for number in counted(37, rounds(2, 100)):
        user_id = await town.moves_in(f"guessed-{number}")

        failures = await town.guess(away(number), f"guessed-{number}", GUESSES)

        reasons = Counter(one.reason for one in failures)
        assert reasons["INVALID_CREDENTIALS"] <= MOST_FAILURES
        assert reasons.keys() <= {"INVALID_CREDENTIALS", "ACCOUNT_LOCKED", "OVERLOADED"}
        assert await town.checked(user_id) == reasons["INVALID_CREDENTIALS"] == MOST_FAILURES


async def test_a_lock_logs_nobody_out_and_its_owner_in(
    town: Town, counted: Callable[[int, int], Iterator[int]]
) -> None:
    # Seen failing without the allowance of a known source.
    one, other = town.doors
    for number in counted(37, rounds(2, 100)):
        name = f"owner-{number}"
        await town.moves_in(name)
        pair = await one.login(name, PASSWORD, HOME)
        await town.guess(away(number), name, MOST_FAILURES + 3)

        assert (
            await failure_of(one.login(name, PASSWORD, away(number)))
        ).reason == "ACCOUNT_LOCKED"
        assert await is_served(town, pair)
        await other.login(name, PASSWORD, HOME)
        # Still they are outside.
        assert (
            await failure_of(other.login(name, PASSWORD, away(number)))
        ).reason == "ACCOUNT_LOCKED"


async def test_guesses_during_a_lock_learn_nothing(
    town: Town, counted: Callable[[int, int], Iterator[int]]
) -> None:
    # Seen failing with the password looked at first.
    for number in counted(37, rounds(1, 50)):
        user_id = await town.moves_in(f"locked-{number}")
        told: dict[str, set[tuple[grpc.StatusCode, str, str]]] = {}
        for name in (f"locked-{number}", f"nobody-{number}"):
            await town.guess(away(number), name, MOST_FAILURES)
            began = time.monotonic()
            failures = await town.guess(away(number), name, 16, PASSWORD, WRONG)
            assert time.monotonic() - began >= FLOOR_SECONDS
            told[name] = {(one.code, one.reason, one.text) for one in failures}
            assert all(one.retry_after for one in failures)
        assert len(set.union(*told.values())) == 1, told
        assert await town.checked(user_id) == MOST_FAILURES
        assert await town.database.fetchval(
            "SELECT last_login_at IS NULL FROM tokenauthority.users WHERE user_id = $1", user_id
        )


async def test_others_do_not_notice_who_floods(
    town: Town, counted: Callable[[int, int], Iterator[int]]
) -> None:
    # Seen failing with one line for all: others are OVERLOADED, or wait for seconds.
    door = town.doors[0]
    for number in counted(37, rounds(2, 20)):
        name = f"neighbour-{number}"
        await town.moves_in(name)
        before, address = await town.kept(), away(number)
        flood = [
            asyncio.create_task(failure_of(door.login(f"made-up-{number}-{n}", WRONG, address)))
            for n in range(300)
        ]
        await asyncio.sleep(0.2)
        began = time.monotonic()
        for _ in range(3):
            await door.login(name, PASSWORD, HOME)
        assert (time.monotonic() - began) / 3 < NOTICED_SECONDS
        reasons = Counter(one.reason for one in await asyncio.gather(*flood))
        assert reasons["OVERLOADED"] + reasons["RATE_LIMITED"] > 0, reasons
        # Of all that was made up only what was looked at is kept, and where it came from.
        assert await town.kept() - before <= reasons["INVALID_CREDENTIALS"] + 2, reasons
