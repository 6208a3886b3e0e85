"""ActivityLog: when sessions were last used.

It may write later, so what was recorded is waited for.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta

import pytest
from support.valkey_nodes import ValkeyCluster
from support.waiting import eventually

from tokenauthority_server.adapters.memory import MemoryActivityLog
from tokenauthority_server.adapters.redis.activity import RedisActivityLog
from tokenauthority_server.adapters.redis.connection import Client, connect
from tokenauthority_server.domain.ports import ActivityLog

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
async def redis_activity(redis_url: str) -> AsyncIterator[ActivityLog]:
    async with activity_in(connect(redis_url)) as log:
        yield log


@pytest.fixture
async def cluster_activity(cluster: ValkeyCluster) -> AsyncIterator[ActivityLog]:
    async with activity_in(connect(cluster.url, patient=True)) as log:
        yield log


@asynccontextmanager
async def activity_in(client: Client) -> AsyncIterator[ActivityLog]:
    log = RedisActivityLog(client, keep=timedelta(hours=1))
    writer = asyncio.create_task(log.run())
    yield log
    writer.cancel()
    with suppress(asyncio.CancelledError):
        await writer
    await client.aclose()


@pytest.fixture(params=["memory", "redis", pytest.param("cluster", marks=pytest.mark.alone)])
def activity(request: pytest.FixtureRequest) -> ActivityLog:
    if request.param == "memory":
        return MemoryActivityLog()
    log: ActivityLog = request.getfixturevalue(f"{request.param}_activity")
    return log


@pytest.fixture
def user_id() -> str:
    """A name of its own, since the store keeps what other tests have written."""
    return f"u-{secrets.token_hex(6)}"


async def assert_told(
    activity: ActivityLog, user_id: str, session_ids: list[str], told: Mapping[str, datetime]
) -> None:
    async def is_told() -> bool:
        return await activity.read(user_id, session_ids) == told

    await eventually(is_told)


async def test_the_last_use_is_told_of_each_known_session(
    activity: ActivityLog, user_id: str
) -> None:
    activity.record(user_id, "sess_1", NOON)
    activity.record(user_id, "sess_2", NOON)
    activity.record(user_id, "sess_2", NOON + timedelta(minutes=1, milliseconds=1))
    told = {"sess_1": NOON, "sess_2": NOON + timedelta(minutes=1, milliseconds=1)}
    await assert_told(activity, user_id, ["sess_1", "sess_2", "sess_3"], told)
    assert await activity.read(user_id, ["sess_2"]) == {"sess_2": told["sess_2"]}


async def test_a_later_use_takes_the_place_of_an_earlier_one(
    activity: ActivityLog, user_id: str
) -> None:
    activity.record(user_id, "sess_1", NOON)
    await assert_told(activity, user_id, ["sess_1"], {"sess_1": NOON})
    later = NOON + timedelta(hours=1)
    activity.record(user_id, "sess_1", later)
    await assert_told(activity, user_id, ["sess_1"], {"sess_1": later})


async def test_a_session_in_use_is_noted_once_a_minute(activity: ActivityLog, user_id: str) -> None:
    for second in range(60):
        activity.record(user_id, "sess_1", NOON + timedelta(seconds=second))
    activity.record(user_id, "sess_2", NOON)
    await assert_told(activity, user_id, ["sess_1", "sess_2"], {"sess_1": NOON, "sess_2": NOON})
    activity.record(user_id, "sess_1", NOON + timedelta(seconds=60))
    later = {"sess_1": NOON + timedelta(seconds=60)}
    await assert_told(activity, user_id, ["sess_1"], later)


async def test_what_was_written_long_ago_is_forgotten(
    redis_activity: ActivityLog, user_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tokenauthority_server.adapters.redis.activity.MAX_KNOWN", 2)
    for number in range(4):
        redis_activity.record(user_id, f"sess_{number}", NOON)
    # Forgotten by then, so each is written again.
    for number in range(4):
        redis_activity.record(user_id, f"sess_{number}", NOON + timedelta(seconds=1))
    told = {f"sess_{number}": NOON + timedelta(seconds=1) for number in (0, 1)}
    await assert_told(redis_activity, user_id, ["sess_0", "sess_1"], told)


async def test_nothing_known_is_nothing_told(activity: ActivityLog, user_id: str) -> None:
    assert await activity.read(user_id, []) == {}
    assert await activity.read(user_id, ["sess_1"]) == {}


async def test_users_are_kept_apart(activity: ActivityLog, user_id: str) -> None:
    activity.record(user_id, "sess_1", NOON)
    await assert_told(activity, user_id, ["sess_1"], {"sess_1": NOON})
    assert await activity.read(f"{user_id}-other", ["sess_1"]) == {}
