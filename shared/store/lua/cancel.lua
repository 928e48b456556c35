-- ARGV: id, reason, in which state the job may be: 'any', or only 'queued'; whether replicas are known that the server does
--       not see at the moment ('1').
-- Returns the number of replicas; the state before ('' if the job does not exist), whether waiters were told of an end
-- (1), and the ended jobs. A second call changes nothing. If there are replicas, `tell` tells waiters after they have
-- acknowledged the end, so that no failover runs a job that a caller was told is cancelled.
local id, reason = ARGV[1], ARGV[2]
local state = redis.call('HGET', JOB .. id, 'state')
if not state then return with_replicas({'', 1, ended}) end
if state == 'queued' then
  local replicas, is_told = finish_and_tell_in_time(id, 'cancelled', reason, ARGV[4])
  return {replicas, {state, is_told, ended}}
end
if state == 'running' and ARGV[3] == 'any' then
  ask_to_end(id, reason)
elseif state == 'cancelled' then
  redis.call('HSET', JOB .. id, 'state', state)  -- a write, so that a replica can acknowledge this call too
end
return with_replicas({state, 1 - redis.call('HEXISTS', JOB .. id, 'untold'), ended})
