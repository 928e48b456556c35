-- ARGV: id, fencing token, final state, reason, sealed response (empty: none), sequence number of the newest progress
--       event (0: none), whether the end is told now ('1') or by `tell`, then sequence number and sealed event pairs.
-- Returns 1 if this attempt ended the job, now or earlier, and the jobs that it ended now.
local id, fence, state = ARGV[1], ARGV[2], ARGV[3]
if redis.call('HGET', JOB .. id, 'settled_by') == fence then
  redis.call('HSET', JOB .. id, 'settled_by', fence)  -- a write, so that a replica can acknowledge this call too
  -- The earlier call may have left it to `tell`, while this one finds no replica that could acknowledge the end.
  if ARGV[7] == '1' then tell_end(id) end
  return {1, ended}
end
if not holds(id, fence) then
  disown(id)
  return {0, ended}
end
append_events(id, 8)
if ARGV[5] ~= '' then
  redis.call('SET', RESPONSE .. id, ARGV[5], 'EX', redis.call('HGET', JOB .. id, 'retention_s'))
end
redis.call('HSET', JOB .. id, 'settled_by', fence, 'progress', ARGV[6])
finish(id, state, ARGV[4])
if ARGV[7] == '1' then tell_end(id) end
return {1, ended}
