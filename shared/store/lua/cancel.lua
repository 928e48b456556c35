-- ARGV: id, reason, which jobs: 'any', or 'queued' ones only.
-- Answers with the state before, or '' when there is no such job, and with what it ended. Asking twice changes nothing.
local id, reason = ARGV[1], ARGV[2]
local state = redis.call('HGET', JOB .. id, 'state')
if not state then return {'', ended} end
if state == 'queued' then
  finish_from_outside(id, 'cancelled', reason)
elseif state == 'running' and ARGV[3] == 'any' then
  ask_to_end(id, reason)
end
return {state, ended}
