"""Row 27: PostgreSQL is read-only, full, out of connections, or ends all of them.

Validations go on, changes are `UNAVAILABLE`, and the pools heal by themselves.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from faults.harness.caller import insist
from faults.harness.counts import rounds
from faults.harness.network import Network
from faults.harness.pace import Pace
from faults.harness.stores import (
    another_primary,
    full,
    out_of_connections,
    read_only,
    terminate_backends,
)
from faults.harness.verdicts import Known, Verdicts, end_session, known_sessions, opened
from support.authority import Served, serving
from support.outages import Call, assert_all_answered, assert_all_unavailable, calls_of
from support.own_stores import OwnStores
from support.waiting import eventually

from tokenauthority.v1 import token_service_pb2 as pb
from tokenauthority_client import StoreUnavailableError, Subject, TokenAuthorityClient

Counted = Callable[[int, int], Iterator[int]]

QUESTIONS = {"Validate", "Validate refresh token", "BatchValidate", "ListSessions"}
POOL = 6
"""Connections for the questions of Validate."""


async def sessions_of(authority: Served, name: str) -> tuple[Known, Known]:
    """A session that lives, and one that has ended."""
    live, ended = await known_sessions(authority, name, 2)
    ended.ended_for_all = await insist(partial(end_session, authority, ended.pair.session_id))
    ended.ended = True
    return live, ended


def calls_about(authority: Served, known: Known) -> tuple[Mapping[str, Call], Mapping[str, Call]]:
    """The calls that only ask, and those that change something, about a live session."""
    pair = pb.TokenPair(
        access_token=known.pair.access_token,
        refresh_token=known.pair.refresh_token,
        session_id=known.pair.session_id,
    )
    calls = dict(calls_of(authority, pair, known.user_id))
    calls["Revoke"] = lambda: authority.stub.Revoke(pb.RevokeRequest(token=pair.access_token))
    questions = {name: call for name, call in calls.items() if name in QUESTIONS}
    return questions, {name: call for name, call in calls.items() if name not in QUESTIONS}


async def assert_only_asking_works(authority: Served, verdicts: Verdicts) -> None:
    live, ended = verdicts.sessions
    questions, changes = calls_about(authority, live)
    answers = await assert_all_answered(questions)
    assert answers["Validate"].active
    await assert_all_unavailable(changes, "PostgreSQL")
    await verdicts.validate(live)
    await verdicts.validate(ended)
    assert not verdicts.unavailable


async def test_read_only(own: OwnStores, redis_url: str, pace: Pace, counted: Counted) -> None:
    # Guard: without ReadOnlySQLTransactionError among what Database takes for a store that is away,
    # changes were INTERNAL. So they were in the next two tests without what these rest on.
    url = own.postgres.url
    async with (
        serving(url, redis_url) as authority,
        TokenAuthorityClient(authority.channel) as client,
    ):
        for number in counted(27, rounds(1, 10)):
            name = f"read-only-{number}"
            verdicts = Verdicts(name, client, [*await sessions_of(authority, name)], pace)
            async with read_only(url):
                await assert_only_asking_works(authority, verdicts)
            await verdicts.heals()


async def test_full(own: OwnStores, redis_url: str, pace: Pace, counted: Counted) -> None:
    url = own.postgres.url
    async with (
        serving(url, redis_url) as authority,
        TokenAuthorityClient(authority.channel) as client,
    ):
        for number in counted(27, rounds(1, 10)):
            name = f"full-{number}"
            verdicts = Verdicts(name, client, [*await sessions_of(authority, name)], pace)
            async with full(url):
                await assert_only_asking_works(authority, verdicts)
            await verdicts.heals()


async def test_out_of_connections(
    own: OwnStores, redis_url: str, pace: Pace, counted: Counted
) -> None:
    """What Validate has open stays its own; who would need another connection is refused soon.

    That is all that is promised: more questions at once than connections are open may be
    `UNAVAILABLE` until PostgreSQL takes new ones.
    """
    url = own.postgres.url
    for number in counted(27, rounds(1, 10)):
        name = f"connections-{number}"
        async with (
            Network.before(url) as network,
            serving(network.url, redis_url) as authority,
            serving(url, redis_url) as other,
            TokenAuthorityClient(authority.channel) as client,
            TokenAuthorityClient(other.channel) as others_client,
        ):
            verdicts = Verdicts(name, client, [*await sessions_of(authority, name)], pace)
            live, ended = verdicts.sessions
            # So slow that all are asked at once, these open all the connections that there may be.
            network.delay(20)
            await asyncio.gather(*(verdicts.validate(live) for _ in range(2 * POOL)))
            network.heal()
            async with out_of_connections(url) as taken:
                assert taken
                await asyncio.gather(
                    *(verdicts.validate(one) for one in (live, ended) for _ in range(20))
                )
                assert not verdicts.unavailable
                # The other one has but those of its start, and has never changed anything.
                _, changes = calls_about(other, live)
                await assert_all_unavailable(changes, "PostgreSQL")
            await verdicts.heals()
            await Verdicts(name, others_client, [live, ended], pace).heals()


async def test_all_backends_terminated(
    own: OwnStores, redis_url: str, pace: Pace, counted: Counted
) -> None:
    # Guard: without the second attempt of Database._ask validations were unavailable.
    url = own.postgres.url
    async with (
        serving(url, redis_url) as authority,
        TokenAuthorityClient(authority.channel) as client,
    ):
        verdicts = Verdicts("ended", client, [*await sessions_of(authority, "ended")], pace)
        for _ in counted(27, rounds(3, 100)):
            asking = asyncio.create_task(verdicts.ask(0.15, callers=8))
            await terminate_backends(url)
            await asking
            await verdicts.heals()
        # A question is asked once more by itself: nobody has noticed.
        assert not verdicts.unavailable["validate"]


async def changes(client: TokenAuthorityClient, user: Subject) -> bool:
    """Whether several changes in a row are made."""
    try:
        pairs = [await client.create_pair(user) for _ in range(8)]
    except StoreUnavailableError:
        return False
    return all([await client.validate(one.access_token) for one in pairs])


async def test_failed_over_while_the_old_primary_lives_on(
    own: OwnStores, redis_url: str, counted: Counted
) -> None:
    # Guard: without Database._expire every change stayed UNAVAILABLE, as the open connections led
    # to the old primary for good.
    async with another_primary(own.postgres.url) as other_url:
        for number in counted(27, rounds(1, 10)):
            user_id = f"u-failed-over-{number}"
            user = Subject(user_id=user_id, username=user_id)
            async with (
                Network.before(own.postgres.url) as network,
                serving(network.url, redis_url) as authority,
            ):
                await asyncio.gather(*(opened(authority, user_id) for _ in range(8)))
                async with read_only(own.postgres.url):
                    network.turn_to(other_url)

                    await eventually(partial(changes, authority.client, user))
