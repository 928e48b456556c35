-- ARGV: pairs of id and fencing token.
-- Queues jobs again whose attempts have started no process, because no replica has acknowledged that they were taken.
-- Returns the ended jobs: those that were cancelled meanwhile.
for index = 1, #ARGV, 2 do
  local id = ARGV[index]
  if holds(id, ARGV[index + 1]) then
    local lane, tool, deadline, reason =
      unpack(redis.call('HMGET', JOB .. id, 'lane', 'tool', 'queue_deadline', 'cancel'))
    redis.call('HSET', JOB .. id, 'state', 'queued')
    redis.call('HINCRBY', JOB .. id, 'attempt', -1)
    redis.call('HDEL', JOB .. id, 'started_at', 'worker', 'fence')
    redis.call('ZREM', LEASES, id)
    if reason then
      finish_from_outside(id, 'cancelled', reason)
    else
      enqueue(id, lane, tool, own_turn(id, lane), tonumber(deadline))
      tell_followers(id)
    end
  end
end
return ended
