-- ARGV: id, fencing token, final state, reason, sealed response (empty: none), then sequence number and sealed event pairs.
-- Returns 1 if this attempt ended the job, now or earlier, and the jobs that it ended now.
local id, fence, state = ARGV[1], ARGV[2], ARGV[3]
local record = redis.call('HMGET', JOB .. id, 'state', 'settled_by')
if record[2] == fence then return {1, ended} end
if not holds(id, fence) then return {0, ended} end
append_events(id, 6)
if ARGV[5] ~= '' then
  redis.call('SET', RESPONSE .. id, ARGV[5], 'EX', redis.call('HGET', JOB .. id, 'retention_s'))
end
redis.call('HSET', JOB .. id, 'settled_by', fence)
finish(id, state, ARGV[4])
return {1, ended}
