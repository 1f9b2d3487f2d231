-- Admission: candles of one series into its history and the candles log, each exactly once.
--
-- KEYS: candles log, series hash, rejects, dead letters, history.
-- ARGV: series key, source, 1 where the source is live, producer's clock in ms, max backlog, keep of the rejects,
--       keep of the dead letters, body: msgpack of [[t, message], ...].
-- Reply: {1, verdict, ...} in order, or {0}: the backlog is full.

local CANDLES, SERIES, REJECTS, DEAD, HISTORY = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local KEY, SOURCE, LIVE, NOW_MS = ARGV[1], ARGV[2], ARGV[3] == '1', tonumber(ARGV[4])
local MAX_BACKLOG, REJECT_KEEP, DEAD_KEEP = tonumber(ARGV[5]), ARGV[6], ARGV[7]
local MESSAGE_TIME_OFFSET, PRICES_OFFSET = 3, 11

local batch = cmsgpack.unpack(ARGV[8])
local reply = {1}
if redis.call('XLEN', CANDLES) + #batch > MAX_BACKLOG then return {0} end

local known_source = string.match(redis.call('HGET', SERIES, KEY) or '', '^%S+ (.*)$')
local foreign = known_source and known_source ~= SOURCE and not (known_source == 'csv' and LIVE)
local last, newest = sound_top(HISTORY, MESSAGE_TIME_OFFSET, DEAD, DEAD_KEEP, 'admission')
local n = last and tonumber(field(last, 'n')) or 0
local admitted = 0
local time = redis.call('TIME')
local now_us = string.format('%.0f', tonumber(time[1]) * 1000000 + tonumber(time[2]))

local function reject(verdict, message)
  redis.call('XADD', REJECTS, 'MAXLEN', '~', REJECT_KEEP, '*', 'reason', verdict, 'source', SOURCE, 'm', message)
end

local function equal(left, right)
  local at, bt = PRICES_OFFSET, PRICES_OFFSET
  for _ = 1, 5 do
    local a, b
    a, at = struct.unpack('<d', left, at)
    b, bt = struct.unpack('<d', right, bt)
    if math.abs(a - b) > 1e-9 * math.max(math.abs(a), math.abs(b)) then return false end
  end
  return true
end

local function judge(t, message)
  if foreign then return 'foreign_source' end
  if t > NOW_MS then return 'future' end
  if t > newest then
    n = n + 1
    newest = t
    admitted = admitted + 1
    redis.call('XADD', HISTORY, string.format('%.0f-0', t), 'm', message, 'n', n)
    redis.call('XADD', CANDLES, '*', 'm', message, 'n', n, 'a', now_us)
    return 'admitted'
  end
  local id = string.format('%.0f-0', t)
  local kept = redis.call('XRANGE', HISTORY, id, id)
  if #kept > 0 then return equal(field(kept[1], 'm'), message) and 'duplicate' or 'revision' end
  local oldest = id_parts(redis.call('XRANGE', HISTORY, '-', '+', 'COUNT', 1)[1][1])
  return t < oldest and 'old' or 'late'
end

for _, candle in ipairs(batch) do
  local verdict = judge(candle[1], candle[2])
  if verdict == 'late' or verdict == 'revision' or verdict == 'foreign_source' then reject(verdict, candle[2]) end
  reply[#reply + 1] = verdict
end
if admitted > 0 then redis.call('HSET', SERIES, KEY, string.format('%.0f %s', n, SOURCE)) end
return reply
