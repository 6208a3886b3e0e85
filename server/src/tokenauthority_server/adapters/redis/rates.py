"""RateExchange over Redis: `ta:{name}:rate`, a hash of RPC to when its bucket is full again."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from tokenauthority_server.adapters.redis.connection import GONE, NAME, Client
from tokenauthority_server.adapters.redis.script import Script
from tokenauthority_server.domain.errors import StoreUnavailableError
from tokenauthority_server.domain.rates import Quota, Use

# By the clock of Redis, which all processes share, in microseconds; its numbers are exact for them.
# A time that another node has left, whose clock is ahead, counts no further than the most that may
# be owed. The key expires when all buckets are full.
_TAKE: Final = Script("""
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local ahead, longest = {}, 0
for i = 1, #ARGV, 3 do
  local full = math.max(tonumber(redis.call('HGET', KEYS[1], ARGV[i])) or 0, now) + ARGV[i + 1]
  full = math.min(full, now + ARGV[i + 2])
  redis.call('HSET', KEYS[1], ARGV[i], string.format('%.0f', full))
  ahead[#ahead + 1] = full - now
  longest = math.max(longest, full - now)
end
local expires = math.ceil(longest / 1000) + 1
if redis.call('PTTL', KEYS[1]) < expires then
  redis.call('PEXPIRE', KEYS[1], expires)
end
return ahead
""")


class RedisRateExchange:
    """The port RateExchange. The callers are asked for at once, each in a command of its own."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def exchange(self, uses: Mapping[Quota, Use]) -> Mapping[Quota, int]:
        """See RateExchange.exchange."""
        of_callers: dict[str, list[Quota]] = {}
        for quota in uses:
            of_callers.setdefault(quota.caller, []).append(quota)
        try:
            answers = await asyncio.gather(
                *(self._of_caller(quotas, uses) for quotas in of_callers.values())
            )
        except GONE as error:
            raise StoreUnavailableError(NAME, type(error).__name__) from error
        return {quota: ahead for answer in answers for quota, ahead in answer.items()}

    async def _of_caller(
        self, quotas: Sequence[Quota], uses: Mapping[Quota, Use]
    ) -> Mapping[Quota, int]:
        arguments = [
            argument
            for quota in quotas
            for argument in (quota.rpc, uses[quota].taken // 1000, uses[quota].most // 1000)
        ]
        ahead: list[int] = await _TAKE.run(
            self._client, (f"ta:{{{quotas[0].caller}}}:rate",), *arguments
        )
        return {quota: int(one) * 1000 for quota, one in zip(quotas, ahead, strict=True)}
