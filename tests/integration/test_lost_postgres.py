"""PostgreSQL goes away: nothing is answered wrongly, nothing hangs, and it heals by itself."""

import asyncpg
import pytest
from support.authority import Served, serving
from support.callers import create_request
from support.outages import SOON, assert_all_unavailable, calls_of
from support.own_stores import OwnStores
from support.proxy import Proxy
from support.redis import NO_REDIS
from support.waiting import eventually

from tokenauthority.v1 import token_service_pb2 as pb
from tokenauthority_client import CallTimeoutError, CheckSource, InactiveReason, UnavailableError

SETTING = "ALTER DATABASE tokenauthority"


async def pair_of(authority: Served, user_id: str) -> pb.TokenPair:
    return (await authority.stub.CreatePair(create_request(user_id))).pair


async def heals(authority: Served, pair: pb.TokenPair) -> None:
    """Return when the pair's access token is good again; give up after five seconds."""

    async def good() -> bool:
        try:
            return (await authority.client.validate(pair.access_token, timeout=SOON)).active
        except UnavailableError:
            return False

    await eventually(good)


async def shown_as(authority: Served, store: str, state: str) -> None:
    async def shown() -> bool:
        return (await authority.stores())[store] == state

    await eventually(shown)


async def test_validations_go_on_under_a_lease(own: OwnStores, redis_url: str) -> None:
    # Nobody can revoke anything meanwhile.
    async with serving(own.postgres.url, redis_url) as authority:
        pair = await pair_of(authority, "u-leased")
        dead = await pair_of(authority, "u-leased")
        await authority.client.revoke_session(dead.session_id)
        await leased(authority, pair)

        own.postgres.kill()

        for _ in range(20):
            good = await authority.client.validate(pair.access_token)
            assert (good.active, good.source) == (True, CheckSource.LEASED_VIEW)
            assert not await authority.client.validate(dead.access_token)
        with pytest.raises(UnavailableError):
            await authority.client.revoke_session(pair.session_id)
        assert (await authority.client.validate(pair.access_token)).active

        own.postgres.restart()


async def leased(authority: Served, pair: pb.TokenPair) -> None:
    async def is_leased() -> bool:
        return (await authority.client.validate(pair.access_token)).source is (
            CheckSource.LEASED_VIEW
        )

    await eventually(is_leased)


async def test_killed_and_started_again(own: OwnStores) -> None:
    async with serving(own.postgres.url, NO_REDIS) as authority:
        pair = await pair_of(authority, "u-killed")
        dead = await pair_of(authority, "u-killed")
        await authority.client.revoke_session(dead.session_id)

        own.postgres.kill()

        await assert_all_unavailable(calls_of(authority, pair, "u-killed"), "PostgreSQL")
        # What needs no store goes on, and no replica is taken out of service.
        malformed = await authority.client.validate("no token")
        assert malformed.reason is InactiveReason.MALFORMED
        assert len(await authority.client.get_public_keys()) == 2
        await shown_as(authority, "PostgreSQL", "down")
        readyz = await authority.http.ask("/readyz")
        assert (readyz.status, readyz.json["status"]) == (200, "ready")
        assert (await authority.http.ask("/livez")).status == 200
        assert (await authority.samples("tokenauthority_store_up"))["PostgreSQL",] == 0

        own.postgres.restart()

        await heals(authority, pair)
        assert not await authority.client.validate(dead.access_token)
        refreshed = (await authority.client.refresh(pair.refresh_token)).pair
        assert refreshed.session_id == pair.session_id
        assert len((await authority.client.list_sessions("u-killed")).sessions) == 1
        await shown_as(authority, "PostgreSQL", "up")
        for event in ("store lost", "store back"):
            assert len(await authority.logged(event, store="PostgreSQL")) == 1


async def test_silent_and_speaking_again(own: OwnStores) -> None:
    async with (
        Proxy.before(own.postgres.url) as proxy,
        serving(proxy.url, NO_REDIS) as authority,
    ):
        pair = await pair_of(authority, "u-silent")

        proxy.silence()

        await assert_all_unavailable(calls_of(authority, pair, "u-silent"), "PostgreSQL")
        await shown_as(authority, "PostgreSQL", "down")

        proxy.speak()

        await heals(authority, pair)
        # The refresh that was given up may have been done when its bytes arrived at last.
        refreshed = (await authority.client.refresh(pair.refresh_token)).pair
        assert refreshed.session_id == pair.session_id
        again = (await authority.client.refresh(refreshed.refresh_token)).pair
        assert await authority.client.validate(again.access_token)
        await shown_as(authority, "PostgreSQL", "up")


async def test_all_of_its_backends_terminated(own: OwnStores) -> None:
    async with serving(own.postgres.url, NO_REDIS) as authority:
        pair = await pair_of(authority, "u-terminated")
        for _ in range(3):
            await terminate_backends(own)
            # A question is asked once more by itself.
            assert await authority.client.validate(pair.access_token)
            try:
                refreshed = await authority.client.refresh(pair.refresh_token)
            except UnavailableError:
                refreshed = await authority.client.refresh(pair.refresh_token)
            assert refreshed.pair.session_id == pair.session_id


async def test_read_only(own: OwnStores) -> None:
    async with serving(own.postgres.url, NO_REDIS) as authority:
        pair = await pair_of(authority, "u-read-only")
        await administer(own, f"{SETTING} SET default_transaction_read_only = on")
        try:
            await terminate_backends(own)

            calls = calls_of(authority, pair, "u-read-only")
            questions = {"Validate", "Validate refresh token", "BatchValidate", "ListSessions"}
            await assert_all_unavailable(
                {name: call for name, call in calls.items() if name not in questions}, "PostgreSQL"
            )
            for name in questions:
                await calls[name]()
            assert await authority.client.validate(pair.access_token)
        finally:
            await administer(own, f"{SETTING} RESET default_transaction_read_only")
        await terminate_backends(own)

        refreshed = (await authority.client.refresh(pair.refresh_token)).pair
        assert refreshed.session_id == pair.session_id


async def terminate_backends(own: OwnStores) -> None:
    await administer(
        own,
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE application_name = 'tokenauthority'",
    )


async def administer(own: OwnStores, statement: str) -> None:
    connection = await asyncpg.connect(own.postgres.url)
    try:
        await connection.execute("SET default_transaction_read_only = off")
        await connection.execute(statement)
    finally:
        await connection.close()


async def test_callers_with_less_time_get_their_answer_in_theirs(
    own: OwnStores,
) -> None:
    async with (
        Proxy.before(own.postgres.url) as proxy,
        serving(proxy.url, NO_REDIS) as authority,
    ):
        pair = await pair_of(authority, "u-hurried")
        proxy.silence()

        with pytest.raises(CallTimeoutError):
            await authority.client.validate(pair.access_token, timeout=0.2)
        with pytest.raises(CallTimeoutError):
            await authority.client.refresh(pair.refresh_token, timeout=0.2)

        proxy.speak()
        await heals(authority, pair)
        refreshed = await authority.client.refresh(pair.refresh_token)
        assert refreshed.pair.session_id == pair.session_id
