-- Admission: candles of one series into its history and the candles log, each exactly once.
--
-- KEYS: candles log, series hash, rejects, dead letters, history, calendars, first weeks.
-- ARGV: series key, source, 1 where the source is live, producer's clock in ms, max backlog, keep of the rejects,
--       keep of the dead letters, width of a candle in ms, body: msgpack of [[t, message], ...],
--       t of a candle that the producer knows the series to hold, or 0,
--       1 where replicas are waited for: then something is written in any case, so that the wait covers what was before.
-- Reply: {1, verdict, ...} in order, or {0}: the backlog is full, or {2}: the series ends before that candle.

local CANDLES, SERIES, REJECTS, DEAD, HISTORY = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local CALENDARS, WEEKS = KEYS[6], KEYS[7]
local KEY, SOURCE, LIVE, NOW_MS = ARGV[1], ARGV[2], ARGV[3] == '1', tonumber(ARGV[4])
local MAX_BACKLOG, REJECT_KEEP, DEAD_KEEP, WIDTH_MS = tonumber(ARGV[5]), ARGV[6], ARGV[7], tonumber(ARGV[8])
local MESSAGE_TIME_OFFSET, PRICES_OFFSET = 3, 11
local LEARNING_MS = 8 * 604800000

local batch = cmsgpack.unpack(ARGV[9])
local reply = {1}
if redis.call('XLEN', CANDLES) + #batch > MAX_BACKLOG then return {0} end

local known_source = string.match(redis.call('HGET', SERIES, KEY) or '', '^%S+ (.*)$')
local foreign = known_source and known_source ~= SOURCE and not (known_source == 'csv' and LIVE)
local last, newest = sound_top(HISTORY, MESSAGE_TIME_OFFSET, DEAD, DEAD_KEEP, 'admission')
if newest < tonumber(ARGV[10]) then return {2} end -- a broker that came back without its last second
local n = last and tonumber(field(last, 'n')) or 0
local calendar = redis.call('HGET', CALENDARS, KEY) or 'learned'
local learns = string.match(calendar, '^learned') ~= nil
local first_t = tonumber(string.match(calendar, '^learned (%d+)$') or '')
if learns then redis.call('STRLEN', WEEKS) end -- refuses here, not half-way, if it is no bitmap
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

-- A bit is the same however often it is set, so whoever dies where, the calendar is that of the candles.
local function learn(t)
  if not first_t then
    first_t = t
    redis.call('HSET', CALENDARS, KEY, string.format('learned %.0f', t))
  end
  local slot = math.floor((t - first_t + WIDTH_MS / 2) / WIDTH_MS)
  if slot < LEARNING_MS / WIDTH_MS then redis.call('SETBIT', WEEKS, string.format('%.0f', slot), 1) end
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
    if learns then learn(t) end
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
if admitted > 0 then
  redis.call('HSET', SERIES, KEY, string.format('%.0f %s', n, SOURCE))
elseif ARGV[11] == '1' and known_source then
  redis.call('HSET', SERIES, KEY, redis.call('HGET', SERIES, KEY))
end
return reply
