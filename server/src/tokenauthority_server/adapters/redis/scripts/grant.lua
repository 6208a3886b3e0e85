-- ARGV[2]: the identity that is meant; ARGV[3]: the row; ARGV[4]: its place. Returns the entries
-- after it as well, or none where those would be a huge reply: then the end shows what is missing.
-- They are one text, since a reply of so many parts takes its reader longer than everything else.

if ARGV[2] ~= identity then
  return {identity, last, '[]'}
end
redis.call('HSET', KEYS[2], ARGV[3], '0 ' .. ARGV[4])
keep()

local entries, bytes, place = {}, 0, ARGV[4]
repeat
  local some = redis.call('XRANGE', KEYS[3], '(' .. place, '+', 'COUNT', 100)
  for _, entry in ipairs(some) do
    place = entry[1]
    for _, text in ipairs(entry[2]) do
      bytes = bytes + #text
    end
    entries[#entries + 1] = entry
  end
  if #entries > 10000 or bytes > 2000000 then
    return {identity, last, '[]'}
  end
until #some < 100
return {identity, last, #entries == 0 and '[]' or cjson.encode(entries)}
