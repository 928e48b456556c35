-- ARGV: id, call, has the id ('1'), reason (empty: nothing ends because of it).
-- A call ends without the job's result; it may have the job's id, to ask for it later. With a reason, and where nobody
-- else waits or has the id, a queued job and a running read end.
-- Answers with the state before, or '' when there is no such job, and with what it ended.
local id, call, has_id, reason = ARGV[1], ARGV[2], ARGV[3] == '1', ARGV[4]
local state, class, names = unpack(redis.call('HMGET', JOB .. id, 'state', 'class', 'repeatable'))
if not state then return {'', ended} end
local has_waited = end_wait(id, call)
if has_waited and has_id then
  redis.call('HSET', JOB .. id, 'handed', 1)
elseif has_waited then
  redis.call('HINCRBY', JOB .. id, 'missed', 1)
elseif not has_id and (names or '') ~= '' and HAS_RESULT[state] then
  -- The result was on its way to this call, and did not arrive.
  redis.call('HINCRBY', JOB .. id, 'missed', 1)
  for name in string.gmatch(names, '%S+') do
    redis.call('SET', REPEATABLE .. name, id, 'NX', 'EX', UNDELIVERED_S)
  end
end
if reason == '' or count(id, 'waiting') > 0 or redis.call('HEXISTS', JOB .. id, 'handed') == 1 then
  return {state, ended}
end
if state == 'queued' then
  finish_from_outside(id, 'cancelled', reason)
elseif state == 'running' and class == 'read' then
  ask_to_end(id, reason)
end
return {state, ended}
