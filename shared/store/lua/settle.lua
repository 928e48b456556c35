-- ARGV: id, fencing token, final state, reason, sealed response (empty: none), sequence number of the newest progress
--       event (0: none), whether replicas are known that the server does not see at the moment ('1'), then the
--       last events (`append_events`).
-- Returns the number of replicas; 1 if this attempt ended the job, now or earlier, whether waiters were told (1), and the
-- jobs that it ended now. If there are replicas, `tell` tells waiters after they have acknowledged the end.
local id, fence, state = ARGV[1], ARGV[2], ARGV[3]
if redis.call('HGET', JOB .. id, 'settled_by') == fence then
  redis.call('HSET', JOB .. id, 'settled_by', fence)  -- a write, so that a replica can acknowledge this call too
  return with_replicas({1, 1 - redis.call('HEXISTS', JOB .. id, 'untold'), ended})
end
if not holds(id, fence) then
  disown(id)
  return with_replicas({0, 1, ended})
end
append_events(id, 8)
if ARGV[5] ~= '' then
  redis.call('SET', RESPONSE .. id, ARGV[5], 'EX', redis.call('HGET', JOB .. id, 'retention_s'))
  add_stored(id, #ARGV[5])
end
redis.call('HSET', JOB .. id, 'settled_by', fence, 'progress', ARGV[6])
local replicas, is_told = finish_and_tell_in_time(id, state, ARGV[4], ARGV[7])
return {replicas, {1, is_told, ended}}
