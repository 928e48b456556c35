-- ARGV: id, worker, fencing token, lease in ms.
-- Only one attempt gets a job, whatever the queue does. `pick` has already checked that the worker has the job's tool.
local id, worker, fence, lease_ms = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local record = redis.call('HMGET', JOB .. id, 'state', 'queue_deadline', 'fence')
if not record[1] then return {'gone', ended} end
local now = now_ms()
if record[1] == 'queued' then
  if tonumber(record[2]) < now then
    finish_from_outside(id, 'expired', 'no worker took the job in time')
    return {'expired', ended}
  end
  redis.call('HSET', JOB .. id, 'state', 'running', 'started_at', now, 'worker', worker, 'fence', fence)
  redis.call('HINCRBY', JOB .. id, 'attempt', 1)
  redis.call('ZREM', QUEUED, id)
  redis.call('ZADD', LEASES, now + lease_ms, id)
  redis.call('PUBLISH', NOTICE .. id, 'running')
  redis.call('PUBLISH', CHANGES .. id, '')
elseif not (record[1] == 'running' and record[3] == fence) then
  return {'taken', ended}
end
return {'claimed', redis.call('HGETALL', JOB .. id), redis.call('GET', REQUEST .. id)}
