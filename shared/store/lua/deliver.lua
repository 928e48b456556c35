-- ARGV: id, call (empty: a call that used the job's id), the call's answer ('result', 'id' or 'nothing'), reason
--       (empty: do not end the job).
-- Ends a call. After all waiting calls have got the job's result, the same command starts a new job. With a reason, and
-- if no other call waits for the job or has its id, a queued job or a running read ends.
-- Returns the state before ('' if the job does not exist) and the ended jobs.
local id, call, got, reason = unpack(ARGV)
local record = JOB .. id
local state, class, names = unpack(redis.call('HMGET', record, 'state', 'class', 'repeatable'))
if not state then return {'', ended} end
local has_waited = redis.call('HDEL', record, 'call:' .. call) == 1
if has_waited then redis.call('HINCRBY', record, 'waiting', -1) end

if got == 'result' then
  if call == '' then make_up_for_missed(id) end
  redis.call('HDEL', record, 'handed')
  if count(id, 'waiting') == 0 and count(id, 'missed') == 0 then keep_for_repeats(id, names, 0) end
elseif got == 'id' then
  if has_waited then redis.call('HSET', record, 'handed', 1) end
elseif has_waited then
  redis.call('HINCRBY', record, 'missed', 1)
elseif (names or '') ~= '' and HAS_RESULT[state] then
  -- The result was sent to this call but did not arrive.
  redis.call('HINCRBY', record, 'missed', 1)
  for name in string.gmatch(names, '%S+') do
    redis.call('SET', REPEATABLE .. name, id, 'NX', 'EX', UNDELIVERED_S)
  end
end

if reason == '' or count(id, 'waiting') > 0 or redis.call('HEXISTS', record, 'handed') == 1 then
  return {state, ended}
end
if state == 'queued' then
  finish_from_outside(id, 'cancelled', reason)
elseif state == 'running' and class == 'read' then
  ask_to_end(id, reason)
end
return {state, ended}
