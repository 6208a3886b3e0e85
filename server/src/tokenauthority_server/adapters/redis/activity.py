"""ActivityLog over Redis: `ta:{user_id}:activity`, a hash of session to Unix milliseconds."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from tokenauthority_server.adapters.redis.connection import GONE, Client

FLUSH_SECONDS = 0.25
"""What comes in meanwhile is written at once: a write for each use would cost more than the use."""

PAUSE = timedelta(minutes=1)
"""A session that is used all the time is written once in it: nobody needs to know it better."""

MAX_KNOWN = 100_000
"""Sessions whose last write is remembered, about 20 MB; beyond it the oldest is forgotten."""

MAX_WAITING = 10_000
"""Sessions whose use waits to be written; beyond it uses are dropped."""

MAX_FIELDS = 2_000
"""Sessions of one user that are remembered; a hash that grew beyond it is begun anew."""


class RedisActivityLog:
    """Writes in the background, many uses at a time. What cannot be written is dropped."""

    def __init__(self, client: Client, keep: timedelta) -> None:
        self._client = client
        self._keep = keep
        self._waiting: dict[tuple[str, str], datetime] = {}
        self._recorded: dict[str, datetime] = {}
        self._news = asyncio.Event()

    def record(self, user_id: str, session_id: str, at: datetime) -> None:
        """See ActivityLog.record."""
        last = self._recorded.get(session_id)
        if last is not None and timedelta(0) <= at - last < PAUSE:
            return
        if len(self._waiting) < MAX_WAITING:
            # Put at the end, so that the first is the one that was written longest ago.
            self._recorded.pop(session_id, None)
            self._recorded[session_id] = at
            if len(self._recorded) > MAX_KNOWN:
                del self._recorded[next(iter(self._recorded))]
            self._waiting[user_id, session_id] = at
            self._news.set()

    async def read(self, user_id: str, session_ids: Sequence[str]) -> Mapping[str, datetime]:
        """See ActivityLog.read."""
        if not session_ids:
            return {}
        try:
            values = await self._client.hmget(_key(user_id), list(session_ids))
            return {
                session_id: datetime.fromtimestamp(int(value) / 1000, UTC)
                for session_id, value in zip(session_ids, values, strict=True)
                if value is not None
            }
        except (*GONE, ValueError, OverflowError):
            # Away, or not what we wrote: the database's own time stands in.
            return {}

    async def run(self) -> None:
        """Write what is recorded, until cancelled."""
        while True:
            await self._news.wait()
            self._news.clear()
            await self.flush()
            await asyncio.sleep(FLUSH_SECONDS)

    async def flush(self) -> None:
        """Write all that waits, in one round trip; drop it when Redis is away."""
        batch, self._waiting = self._waiting, {}
        if not batch:
            return
        by_user: dict[str, list[str | int]] = {}
        for (user_id, session_id), at in batch.items():
            by_user.setdefault(user_id, []).extend((session_id, int(at.timestamp() * 1000)))
        try:
            # Not a transaction: the keys of different users live on different nodes of a cluster.
            async with self._client.pipeline(transaction=False) as pipeline:
                for user_id, items in by_user.items():
                    key = _key(user_id)
                    pipeline.hset(key, items=items)
                    pipeline.expire(key, self._keep)
                    pipeline.hlen(key)
                answers = await pipeline.execute()
            grown = [
                _key(user_id)
                for user_id, fields in zip(by_user, answers[2::3], strict=True)
                if fields > MAX_FIELDS
            ]
            for key in grown:
                await self._client.delete(key)
        except GONE:
            return


def _key(user_id: str) -> str:
    return f"ta:{{{user_id}}}:activity"
