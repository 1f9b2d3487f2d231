-- Take one entry off a log that nobody holds a position in, and bury it; whoever comes first does it.
-- KEYS: log, dead letters. ARGV: entry ID, stage, reason, detail, keep of the dead letters. Reply: 1 or 0.
local found = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])
if #found == 0 then return 0 end
redis.call('XDEL', KEYS[1], ARGV[1])
bury(KEYS[2], ARGV[5], KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4], found[1][2])
return 1
