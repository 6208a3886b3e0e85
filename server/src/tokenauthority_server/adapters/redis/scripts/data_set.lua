-- Stands before every other script. KEYS: the identity, the rows, the log, the reports. ARGV[1]: the
-- identity that a data set gets that has none. Leaves `identity`, and `last`: where the log ends.

local function keep()
  redis.call('EXPIRE', KEYS[1], 86400)
  redis.call('EXPIRE', KEYS[2], 86400)
end

-- Wakes those who wait for reports; which report it was tells nothing.
local function tell()
  redis.call('XADD', KEYS[4], 'MAXLEN', '~', 100, '*', '', '')
  redis.call('EXPIRE', KEYS[4], 3600)
end

-- A replica's data may be old, and the replication that it names is its primary's.
local replication = redis.call('INFO', 'replication')
if not string.find(replication, 'role:master', 1, true) then
  return redis.error_reply('READONLY This server is a replica.')
end
local server = string.match(replication, 'master_replid:(%x+)')

local identity, made_by, last = unpack(redis.call('HMGET', KEYS[1], 'id', 'server', 'last'))
-- The rows name their data set as well: where they alone were lost, nobody would be waited for.
if not identity or made_by ~= server or redis.call('HGET', KEYS[2], 'identity') ~= identity then
  redis.call('DEL', KEYS[1], KEYS[2], KEYS[3])
  identity, last = ARGV[1], '0-0'
  redis.call('HSET', KEYS[1], 'id', identity, 'server', server, 'last', last)
  redis.call('HSET', KEYS[2], 'identity', identity)
  keep()
  -- The reports stay, so that the ids of what follows are greater; whoever waits has to look.
  tell()
end
