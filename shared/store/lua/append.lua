-- ARGV: id, fencing token, then sequence number and sealed event pairs.
-- An event with a known sequence number is skipped: its first append succeeded, but the answer was lost.
local id, fence = ARGV[1], ARGV[2]
if not holds(id, fence) then return 0 end
append_events(id, 3)
tell_followers(id)
return 1
