-- Shared by the scripts that append to a series' stream, whose entry IDs are candle times.

-- Milliseconds and sequence number of an entry ID, as numbers.
local function id_parts(id)
  local ms, seq = string.match(id, '^(%d+)-(%d+)$')
  return tonumber(ms), tonumber(seq), ms
end

local function stream_info(key)
  local reply = redis.call('XINFO', 'STREAM', key)
  local info = {}
  for at = 1, #reply, 2 do info[reply[at]] = reply[at + 1] end
  return info
end

local function field(entry, name)
  for at = 1, #entry[2], 2 do
    if entry[2][at] == name then return entry[2][at + 1] end
  end
end

-- One dead letter; what an entry held is kept as msgpack of its fields, at most 4 KiB of it.
local function bury(dead_key, keep, origin, id, stage, reason, detail, fields)
  redis.call('XADD', dead_key, 'MAXLEN', '~', keep, '*', 'origin', origin, 'id', id, 'stage', stage,
    'reason', reason, 'detail', string.sub(detail, 1, 512), 'payload', string.sub(cmsgpack.pack(fields), 1, 4096))
end

-- Whether an entry's ID is the time inside its message (little-endian, at byte `offset`).
local function well_formed(entry, offset)
  local ms, seq = id_parts(entry[1])
  local message = field(entry, 'm')
  return seq == 0 and message and #message >= offset + 7 and struct.unpack('<i8', message, offset) == ms
end

-- The newest entry of a series' stream, and its time. Whatever else somebody appended there by hand would block every
-- later candle, and the broker never lets a stream's last ID go back: so the stream is written anew without it, and
-- the junk buried.
local function sound_top(key, offset, dead_key, dead_keep, stage)
  if redis.call('EXISTS', key) == 0 then return nil, 0 end
  local info = stream_info(key)
  local last = info['last-entry']
  if last and last[1] == info['last-generated-id'] and well_formed(last, offset) then
    return last, (id_parts(last[1]))
  end
  local entries = redis.call('XRANGE', key, '-', '+')
  redis.call('DEL', key)
  last = nil
  for _, entry in ipairs(entries) do
    if well_formed(entry, offset) then
      redis.call('XADD', key, entry[1], unpack(entry[2]))
      last = entry
    else
      bury(dead_key, dead_keep, key, entry[1], stage, 'junk', 'the ID is not the time inside the entry', entry[2])
    end
  end
  if last then return last, (id_parts(last[1])) end
  return nil, 0
end
