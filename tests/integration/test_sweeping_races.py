"""Sweeping beside everybody else: it waits for nobody, and nobody loses what is alive."""

import asyncio
from datetime import timedelta

import pytest
from support.authority import Served
from support.callers import ANN, BEN
from support.leftovers import KEEP, TABLES, left, litter, upkeep_of
from support.postgres import Connection

from tokenauthority_client import (
    InactiveReason,
    RevocationReason,
    SessionEndedError,
    TokenPair,
    TokenType,
)
from tokenauthority_server.domain.upkeep import Leftover
from tokenauthority_server.services.upkeep import BATCH, Janitor

MANY = 3 * BATCH + 7
SOON = 5.0
"""Seconds. Whoever waited for a lock that is held would wait for longer."""


async def test_two_janitors_share_the_work(database: Connection, database_url: str) -> None:
    await litter(database, MANY)
    async with upkeep_of(database_url) as one, upkeep_of(database_url) as other:
        janitors = [Janitor(upkeep=upkeep, keep=KEEP) for upkeep in (one, other)]
        first, second = await asyncio.gather(*(janitor.tidy(SOON) for janitor in janitors))

    # Together they removed every row, and none twice.
    for what in Leftover:
        assert first.removed[what] + second.removed[what] == MANY
    assert await left(database) == dict.fromkeys(Leftover, 0)


NAMED = {
    Leftover.SIGNING_KEYS: "kid",
    Leftover.LOGIN_FAILURES: "encode(subject, 'escape')",
}
"""By what rows are known that are nobody's."""


@pytest.mark.parametrize("what", list(Leftover))
async def test_rows_that_someone_holds_are_left_for_later(
    database: Connection, database_url: str, what: Leftover
) -> None:
    # Seen failing without SKIP LOCKED: the sweep waits for the holder until its time is up.
    await litter(database, 20)
    async with upkeep_of(database_url) as upkeep:
        async with database.transaction():
            whose = f"right({NAMED.get(what, 'user_id')}, 1)"
            await database.execute(
                f"SELECT FROM tokenauthority.{TABLES[what]} WHERE {whose} = '7' FOR UPDATE"
            )
            async with asyncio.timeout(SOON):
                assert await upkeep.sweep(what, 20, KEEP) == 18
                assert await upkeep.sweep(what, 20, KEEP) == 0
        assert await upkeep.sweep(what, 20, KEEP) == 2


async def test_a_session_that_is_being_refreshed_is_left_alone(
    database: Connection, database_url: str, authority: Served
) -> None:
    # Its day is wrong, as if whoever wrote it had another calendar. It lives all the same.
    pair = await authority.client.create_pair(ANN)
    await database.execute("UPDATE tokenauthority.sessions SET sweep_on = '2020-01-01'")
    async with upkeep_of(database_url) as upkeep:
        async with database.transaction():
            await database.execute("UPDATE tokenauthority.sessions SET user_agent = 'held'")
            assert await upkeep.sweep(Leftover.SESSIONS, BATCH, KEEP) == 0
        assert await upkeep.sweep(Leftover.SESSIONS, BATCH, KEEP) == 0

    refreshed = (await authority.client.refresh(pair.refresh_token)).pair
    assert await authority.client.validate(refreshed.access_token)


async def test_what_was_swept_is_refused_and_the_rest_is_not(
    database: Connection, database_url: str, authority: Served
) -> None:
    client = authority.client
    ended, expired, kept = [await client.create_pair(ANN) for _ in range(3)]
    ben = await client.create_pair(BEN)
    await client.revoke_session(ended.session_id)
    await age(database, ended, expired)
    async with upkeep_of(database_url) as upkeep:
        assert await upkeep.sweep(Leftover.SESSIONS, BATCH, KEEP) == 2

        for pair in (ended, expired):
            with pytest.raises(SessionEndedError):
                await client.refresh(pair.refresh_token)
            verdict = await client.validate(pair.refresh_token, expected_type=TokenType.REFRESH)
            assert verdict.reason is InactiveReason.SESSION_REVOKED
            assert await client.revoke_session(pair.session_id) == await client.revoke_session("x")
        # The fact outlives the row as long as an access token may.
        dead = await client.validate(ended.access_token)
        assert dead.revocation_reason is RevocationReason.LOGOUT
        listed = await client.list_sessions(ANN.user_id)
        assert [one.session_id for one in listed.sessions] == [kept.session_id]
        for pair in (kept, ben):
            assert await client.validate(pair.access_token)
            again = (await client.refresh(pair.refresh_token)).pair
            assert again.session_id == pair.session_id


async def age(database: Connection, *pairs: TokenPair) -> None:
    """Let these sessions, and not the facts about them, be ten days old."""
    await database.execute(
        """
        UPDATE tokenauthority.sessions SET
            created_at = created_at - $2::interval,
            refresh_expires_at = refresh_expires_at - $2::interval,
            last_token_expires_at = last_token_expires_at - $2::interval,
            sweep_on = sweep_on - 10
        WHERE session_id = ANY ($1)
        """,
        [pair.session_id for pair in pairs],
        timedelta(days=10),
    )


async def test_calls_go_on_while_everything_is_swept(
    database: Connection, database_url: str, authority: Served
) -> None:
    await litter(database, MANY)
    client = authority.client
    done = asyncio.Event()

    async def use() -> int:
        pair, turns = await client.create_pair(ANN), 0
        while not done.is_set() and turns < 1_000:
            other = await client.create_pair(BEN)
            await client.revoke_session(other.session_id)
            pair = (await client.refresh(pair.refresh_token)).pair
            assert await client.validate(pair.access_token)
            turns += 1
        return turns

    users = [asyncio.create_task(use()) for _ in range(4)]
    async with upkeep_of(database_url) as upkeep:
        janitor = Janitor(upkeep=upkeep, keep=KEEP)
        while not (await janitor.tidy(0)).finished:
            pass
    done.set()

    assert sum(await asyncio.gather(*users)) > 0
    sessions = (await client.list_sessions(ANN.user_id)).sessions
    assert len(sessions) == len(users)
