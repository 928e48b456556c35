-- ARGV: id, reason, which jobs: 'any', 'abandoned' (queued ones and running reads only, and none that a second call has
--       joined), or 'queued' ones only.
-- Answers with the state before, or '' when there is no such job, and with what it ended. Asking twice changes nothing.
local id, reason = ARGV[1], ARGV[2]
local record = redis.call('HMGET', JOB .. id, 'state', 'class', 'worker')
local state = record[1]
if not state then return {'', ended} end
if ARGV[3] == 'abandoned' and redis.call('HEXISTS', JOB .. id, 'joined') == 1 then return {state, ended} end
if state == 'queued' then
  finish_from_outside(id, 'cancelled', reason)
elseif state == 'running' and (ARGV[3] == 'any' or (ARGV[3] == 'abandoned' and record[2] == 'read')) then
  redis.call('HSETNX', JOB .. id, 'cancel', reason)
  redis.call('PUBLISH', CONTROL .. record[3], id)
end
return {state, ended}
