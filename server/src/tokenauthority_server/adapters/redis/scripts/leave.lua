-- ARGV[2]: the row, whose name is in no other data set.

if redis.call('HDEL', KEYS[2], ARGV[2]) == 1 then
  tell()
end
return 1
