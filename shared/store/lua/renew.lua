-- ARGV: lease in ms, then pairs of id and fencing token.
-- Returns the server's replication id, and for each job 'held', 'cancel' (held, and a caller asked to cancel it) or
-- 'lost'; and the ended jobs.
local lease_ms, until_ms = tonumber(ARGV[1]), nil
local answers = {}
for index = 2, #ARGV, 2 do
  local id, fence = ARGV[index], ARGV[index + 1]
  if holds(id, fence) then
    until_ms = until_ms or now_ms() + lease_ms
    redis.call('ZADD', LEASES, until_ms, id)
    answers[#answers + 1] = redis.call('HEXISTS', JOB .. id, 'cancel') == 1 and 'cancel' or 'held'
  elseif redis.call('HGET', JOB .. id, 'settled_by') == fence then
    answers[#answers + 1] = 'held'  -- its worker waits until a replica has acknowledged the end
  else
    disown(id)
    answers[#answers + 1] = 'lost'
  end
end
local replication_id = server()
return {replication_id, answers, ended}
