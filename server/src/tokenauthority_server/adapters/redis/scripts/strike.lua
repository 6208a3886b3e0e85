-- ARGV[2]: the identity that is meant; ARGV[3]: the row; ARGV[4]: the counter that it must have
-- still. Returns 1 when the row was taken away.

local row = redis.call('HGET', KEYS[2], ARGV[3])
if ARGV[2] ~= identity or not row or string.match(row, '^%d+') ~= ARGV[4] then
  return 0
end
redis.call('HDEL', KEYS[2], ARGV[3])
tell()
return 1
