-- ARGV: id, fencing token, then sequence number and sealed event pairs.
-- A repeated sequence number is an append whose answer was lost: skipped.
local id, fence = ARGV[1], ARGV[2]
if not holds(id, fence) then return 0 end
append_events(id, 3)
redis.call('PUBLISH', CHANGES .. id, '')
return 1
