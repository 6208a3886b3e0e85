-- Returns every row and what it is, in turns.

return {identity, last, redis.call('HGETALL', KEYS[2])}
