-- Put a dead letter's candle back at the end of its log.
-- KEYS: dead letters, log. ARGV: ID of the letter. Reply: the entry's new ID; '' where there is no such letter, or a part
-- of what the entry held was cut off.
local found = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])
if #found == 0 then return '' end
local payload = field(found[1], 'payload')
if not payload or #payload >= 4096 then return '' end
local fields = cmsgpack.unpack(payload)
redis.call('XLEN', KEYS[2]) -- refuses here, not half-way, if it is no log
local id = redis.call('XADD', KEYS[2], '*', unpack(fields))
redis.call('XDEL', KEYS[1], ARGV[1])
return id
