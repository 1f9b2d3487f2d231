-- Renew one instance's membership, in the broker's own time, and list who lives.
-- KEYS: members. ARGV: instance, time to live in ms. Reply: ms until the first of the others expires, or -1 where there
-- is none; the live instances.
local time = redis.call('TIME')
local now_ms = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
redis.call('ZADD', KEYS[1], now_ms + tonumber(ARGV[2]), ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now_ms)
local scored = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES') -- the first to expire is first
local live, first_ms = {}, -1
for at = 1, #scored, 2 do
  live[#live + 1] = scored[at]
  if first_ms < 0 and scored[at] ~= ARGV[1] then first_ms = tonumber(scored[at + 1]) - now_ms end
end
return {first_ms, live}
