-- ARGV[2], ...: the facts of an entry each. Returns the place of the last one.

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local oldest = string.format('%.0f', now - 300000)

-- Places only grow, also where another server's clock is behind.
local function place_after(place)
  local milliseconds, number = string.match(place, '^(%d+)-(%d+)$')
  if now > tonumber(milliseconds) then
    return string.format('%.0f-0', now)
  end
  return string.format('%s-%.0f', milliseconds, number + 1)
end

for i = 2, #ARGV do
  local previous = last
  last = place_after(previous)
  redis.call(
    'XADD', KEYS[3], 'MINID', '~', oldest, last,
    'identity', identity, 'previous', previous, 'facts', ARGV[i]
  )
end
redis.call('HSET', KEYS[1], 'last', last)
redis.call('EXPIRE', KEYS[3], 3600)
keep()
return {identity, last}
