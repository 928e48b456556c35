-- ARGV: id, fencing token, then events (`append_events`).
-- Returns the number of replicas; 1 if the attempt holds the job. An event with a known sequence number is skipped: its
-- first append succeeded, but the answer was lost.
local id, fence = ARGV[1], ARGV[2]
if not holds(id, fence) then return with_replicas(0) end
if not append_events(id, 3) then
  redis.call('HSET', JOB .. id, 'fence', fence)  -- a write, so that a replica can acknowledge this call too
end
tell_followers(id)
return with_replicas(1)
