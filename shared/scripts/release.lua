-- Let the next source have a series. KEYS: series hash. ARGV: series key. Reply: the source that had it, or false.
local n, source = string.match(redis.call('HGET', KEYS[1], ARGV[1]) or '', '^(%S+) (.*)$')
if not source then return false end
redis.call('HSET', KEYS[1], ARGV[1], n)
return source
