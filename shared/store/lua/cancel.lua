-- ARGV: id, reason, in which state the job may be: 'any', or only 'queued'.
-- Returns the state before ('' if the job does not exist) and the ended jobs. A second call changes nothing.
local id, reason = ARGV[1], ARGV[2]
local state = redis.call('HGET', JOB .. id, 'state')
if not state then return {'', ended} end
if state == 'queued' then
  finish_from_outside(id, 'cancelled', reason)
elseif state == 'running' and ARGV[3] == 'any' then
  ask_to_end(id, reason)
end
return {state, ended}
