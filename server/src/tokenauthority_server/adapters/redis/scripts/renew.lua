-- ARGV[2]: the identity that is meant; ARGV[3]: the row; ARGV[4]: what it becomes; ARGV[5]: 1 to
-- tell of it. Returns 1 when there was such a row.

local function counter(row)
  return tonumber(string.match(row, '^%d+'))
end

local row = redis.call('HGET', KEYS[2], ARGV[3])
-- A renewal that comes twice, or late, must not bring back a counter that a revoker has seen before:
-- it would believe that nothing was renewed since.
if ARGV[2] ~= identity or not row or counter(ARGV[4]) <= counter(row) then
  return {identity, last, 0}
end
redis.call('HSET', KEYS[2], ARGV[3], ARGV[4])
keep()
if ARGV[5] == '1' then
  tell()
end
return {identity, last, 1}
