-- Acks of Expert Advisors into their log, each number of a run once, whichever bridge takes it and however often it comes.
--
-- KEYS: the log, then for each ack the key of the highest number taken of its run.
-- ARGV: entries to keep, seconds for which a run is remembered, then for each ack its number and its message.
-- Reply: for each ack the highest number taken of its run, with it.
local reply = {}
for at = 2, #KEYS do
  local number, message = tonumber(ARGV[2 * at - 1]), ARGV[2 * at]
  local taken = tonumber(redis.call('GET', KEYS[at]) or '') or 0
  if number > taken then
    redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', 'm', message)
    redis.call('SET', KEYS[at], string.format('%.0f', number), 'EX', ARGV[2])
    taken = number
  end
  reply[at - 1] = string.format('%.0f', taken)
end
return reply
