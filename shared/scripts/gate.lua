-- The gate: publish a batch's outputs and move the reader's position, or do nothing.
--
-- KEYS: position, attempts, input log, output log, dead letters, latest, passages, then for each series: the stream that
--       its outputs are also kept in (side), and the stream its inputs came from (source).
-- ARGV: stage, expected position, new position, entries read, promote number, keep of the input log (-1: not this
--       stage's to trim), keep of the output log (0: its own reader trims it), max backlog of the output log, keep of a
--       side stream (0: its reader trims it), how many entries of a source to keep up to the newest finished one (0: not
--       this stage's to trim), keep of the dead letters, 1 to write `latest`, 1 to keep messages in a side without the
--       series key at their end (it is in the side's own key), instance, keep of the passages, body.
-- body: {series: [[key, newest finished n, [[t, message, n], ...] to fill a side with that lacks them], ...],
--        entries: [[id, series index, t, message, n] or [id, 0, reason, detail, fields], ...]} in input order.
-- Reply: {1, repeats, entries unread, entries missed: trimmed before they were read} done; {0} the position has moved; {-1} a newer bundle has written; {-2} the output log is full.

local POSITION, ATTEMPTS, INPUT, OUTPUT, DEAD, LATEST = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local STAGE, EXPECTED, REACHED, READ, PROMOTE = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local IN_KEEP, OUT_KEEP, MAX_BACKLOG = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local SIDE_KEEP, SOURCE_KEEP, DEAD_KEEP = tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11])
local WITH_LATEST = ARGV[12] == '1'
local PASSAGES, KEYLESS, INSTANCE, PASSAGE_KEEP = KEYS[7], ARGV[13] == '1', ARGV[14], ARGV[15]
local FIRST_SERIES_KEY, MESSAGE_TIME_OFFSET = 8, 2

local known = redis.call('HGET', POSITION, STAGE)
local held = known or '0-0 0 0'
local held_id, held_read, held_promote = string.match(held, '^(%S+) (%S+) (%S+)$')
if held_id ~= EXPECTED then return {0} end
if tonumber(held_promote) > PROMOTE then return {-1} end
if redis.call('XLEN', OUTPUT) >= MAX_BACKLOG then return {-2} end

local body = cmsgpack.unpack(ARGV[16])
local newest, last_message = {}, {}
for index, series in ipairs(body[1]) do
  local side = KEYS[FIRST_SERIES_KEY + 2 * (index - 1)]
  local _, t = sound_top(side, MESSAGE_TIME_OFFSET, DEAD, DEAD_KEEP, STAGE)
  newest[index] = t
end
local out_ms, out_seq, out_ms_text = 0, 0, '0'
if redis.call('EXISTS', OUTPUT) == 1 then
  out_ms, out_seq, out_ms_text = id_parts(stream_info(OUTPUT)['last-generated-id'])
end

-- Nothing below can refuse.
local function append(id, message)
  local ms, seq, ms_text = id_parts(id)
  if ms > out_ms or (ms_text == out_ms_text and seq > out_seq) then
    redis.call('XADD', OUTPUT, id, 'm', message)
    out_ms, out_seq, out_ms_text = ms, seq, ms_text
  else
    -- Somebody appended by hand: the input's own ID is behind the log's last, so the next one after it serves.
    local given = redis.call('XADD', OUTPUT, out_ms_text .. '-*', 'm', message)
    out_ms, out_seq, out_ms_text = id_parts(given)
  end
end

local function keep_beside(index, t, message, n)
  local side = KEYS[FIRST_SERIES_KEY + 2 * (index - 1)]
  if KEYLESS then message = string.sub(message, 1, -#body[1][index][1] - 1) end
  redis.call('XADD', side, string.format('%.0f-0', t), 'm', message, 'n', n)
  newest[index] = t
end

for index, series in ipairs(body[1]) do
  for _, row in ipairs(series[3]) do
    if row[1] > newest[index] then keep_beside(index, row[1], row[2], row[3]) end
  end
end
local repeats = 0
for _, entry in ipairs(body[2]) do
  local id, index = entry[1], entry[2]
  if index == 0 then
    bury(DEAD, DEAD_KEEP, INPUT, id, STAGE, entry[3], entry[4], entry[5])
  elseif entry[3] <= newest[index] then
    repeats = repeats + 1
    bury(DEAD, DEAD_KEEP, INPUT, id, STAGE, 'repeat', 'its candle was finished before', {'m', entry[4]})
  else
    append(id, entry[4])
    keep_beside(index, entry[3], entry[4], entry[5])
    last_message[index] = entry[4]
  end
end
for index, series in ipairs(body[1]) do
  local at = FIRST_SERIES_KEY + 2 * (index - 1)
  if SIDE_KEEP > 0 then redis.call('XTRIM', KEYS[at], 'MAXLEN', SIDE_KEEP) end
  local source = redis.call('XREVRANGE', KEYS[at + 1], '+', '-', 'COUNT', 1)[1]
  local source_n = source and tonumber(field(source, 'n') or '')
  if SOURCE_KEEP > 0 and source_n and source_n >= series[2] then
    redis.call('XTRIM', KEYS[at + 1], 'MAXLEN', SOURCE_KEEP + source_n - series[2])
  end
  if WITH_LATEST and last_message[index] then redis.call('HSET', LATEST, series[1], last_message[index]) end
end

-- Entries that are gone and were never read. Of the batch itself some may be gone too: only what of it is still there
-- tells. Whoever begins here has missed nothing: what was trimmed before was not for it.
local info = stream_info(INPUT)
local skipped = tonumber(info['entries-added']) - tonumber(info['length']) - tonumber(held_read)
if skipped > 0 then skipped = skipped - READ + #redis.call('XRANGE', INPUT, '(' .. EXPECTED, REACHED) end
skipped = math.max(0, skipped)
local read = tonumber(held_read) + skipped + READ
redis.call('HSET', POSITION, STAGE, string.format('%s %.0f %.0f', REACHED, read, PROMOTE))
redis.call('HDEL', ATTEMPTS, STAGE)
local unread = tonumber(info['entries-added']) - read
if unread >= 0 then
  if IN_KEEP >= 0 then redis.call('XTRIM', INPUT, 'MAXLEN', '~', math.max(IN_KEEP, unread)) end
  -- A group that nobody reads through: it only makes `lag` exact for autoscalers.
  local group = redis.pcall('XGROUP', 'SETID', INPUT, STAGE, REACHED, 'ENTRIESREAD', string.format('%.0f', read))
  if group.err then
    redis.call('XGROUP', 'CREATE', INPUT, STAGE, REACHED, 'ENTRIESREAD', string.format('%.0f', read))
  end
end

-- The output log's own keep, unless a live holder has not read that far.
if OUT_KEEP > 0 and redis.call('XLEN', OUTPUT) > OUT_KEEP then
  local now = redis.call('TIME')
  local now_ms, oldest = tonumber(now[1]) * 1000 + math.floor(tonumber(now[2]) / 1000), nil
  local fields = redis.call('HGETALL', POSITION)
  for at = 1, #fields, 2 do
    if string.sub(fields[at], 1, 5) == 'hold:' then
      local hold_id, until_ms = string.match(fields[at + 1], '^(%S+) (%S+)$')
      if tonumber(until_ms) > now_ms then
        local ms, seq = id_parts(hold_id)
        if not oldest or ms < oldest[1] or (ms == oldest[1] and seq < oldest[2]) then oldest = {ms, seq, hold_id} end
      else
        redis.call('HDEL', POSITION, fields[at])
      end
    end
  end
  if not oldest then
    redis.call('XTRIM', OUTPUT, 'MAXLEN', '~', OUT_KEEP)
  else
    local excess = math.min(redis.call('XLEN', OUTPUT) - OUT_KEEP, 256)
    local border = nil
    for _, entry in ipairs(redis.call('XRANGE', OUTPUT, '-', '+', 'COUNT', excess)) do
      local ms, seq = id_parts(entry[1])
      if ms > oldest[1] or (ms == oldest[1] and seq > oldest[2]) then break end
      border = entry[1]
    end
    if border then redis.call('XTRIM', OUTPUT, 'MINID', border) end
  end
end
-- For `natron trace`: who finished what, and when. Nothing depends on it, so nothing fails for it.
local time = redis.call('TIME')
redis.pcall('XADD', PASSAGES, 'MAXLEN', '~', PASSAGE_KEEP, '*', 's', STAGE, 'i', INSTANCE, 'a', EXPECTED, 'l', REACHED,
  'k', READ, 'u', string.format('%.0f', tonumber(time[1]) * 1000000 + tonumber(time[2])))
return {1, repeats, math.max(0, unread), known and skipped or 0}
