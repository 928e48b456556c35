-- ARGV: Redis' time in ms after which expired leases are ignored (0: always), most jobs in one pass, most attempts of a
--       read.
-- Returns Redis' time in ms, the server's replication id (empty if there are no jobs), the numbers of its replicas, of
-- expired jobs, of lost jobs and of reads queued again; the ended jobs.
local limit, attempts = tonumber(ARGV[2]), tonumber(ARGV[3])
local now = now_ms()
local indexes = {LEASES}
for _, lane in ipairs(LANES) do
  indexes[#indexes + 1] = QUEUED .. lane
  indexes[#indexes + 1] = LOAD .. lane
end
stored_bytes()
local replication_id, replicas = server()
if redis.call('EXISTS', unpack(indexes)) == 0 then return {now, '', replicas, 0, 0, 0, ended} end

-- Calls `settle` for each job of an index whose time is over. Removes the entry if the job is no longer in that state.
local function each_overdue(index, state, settle)
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', index, '-inf', now, 'LIMIT', 0, limit)) do
    if redis.call('HGET', JOB .. id, 'state') == state then settle(id) else redis.call('ZREM', index, id) end
  end
end

-- Queues a read again unless it was cancelled or has changed something after all, while its sealed request can still be
-- opened (`RequestEnvelope.lifetime_s`).
-- The output of the first attempt is deleted, because the second attempt prints everything again.
local function queue_again(id)
  local names = {'class', 'attempt', 'cancel', 'lane', 'tool', 'created_at', 'queue_deadline', 'time_limit_s', 'retention_s',
    'principal'}
  local class, attempt, cancel, lane, tool, created, deadline, limit_s, retention_s, principal =
    unpack(redis.call('HMGET', JOB .. id, unpack(names)))
  if class ~= 'read' or tonumber(attempt) >= attempts or cancel then return false end
  if redis.call('EXISTS', CHANGES .. id) == 1 then return false end
  local opens_until = tonumber(deadline) + tonumber(limit_s) * 1000
  local until_ms = math.floor(math.min(now + deadline - created, opens_until))
  if until_ms <= now or redis.call('EXISTS', REQUEST .. id) == 0 then return false end
  local lifetime_s = math.ceil((until_ms - now) / 1000 + limit_s + retention_s) + 60
  redis.call('HSET', JOB .. id, 'state', 'queued', 'queue_deadline', until_ms)
  redis.call('HDEL', JOB .. id, 'started_at', 'worker', 'fence')
  redis.call('EXPIRE', JOB .. id, lifetime_s)
  redis.call('EXPIRE', REQUEST .. id, lifetime_s)
  redis.call('ZADD', PRINCIPAL .. principal, 'XX', now + lifetime_s * 1000, id)
  redis.call('ZADD', LOAD .. lane, 'XX', now + lifetime_s * 1000, id)
  if redis.call('TTL', PRINCIPAL .. principal) < lifetime_s then redis.call('EXPIRE', PRINCIPAL .. principal, lifetime_s) end
  if redis.call('TTL', JOBS .. principal) < lifetime_s then redis.call('EXPIRE', JOBS .. principal, lifetime_s) end
  redis.call('DEL', EVENTS .. id)
  move_stored(id, redis.call('STRLEN', REQUEST .. id), lifetime_s)
  redis.call('ZREM', LEASES, id)
  enqueue(id, lane, tool, own_turn(id, lane), until_ms)
  tell_followers(id)
  return true
end

local expired, lost, again = 0, 0, 0
for _, lane in ipairs(LANES) do
  redis.call('ZREMRANGEBYSCORE', LOAD .. lane, '-inf', now)
  each_overdue(QUEUED .. lane, 'queued', function(id)
    finish_from_outside(id, 'expired', 'no worker took the job in time')
    expired = expired + 1
  end)
end
if now <= tonumber(ARGV[1]) then
  each_overdue(LEASES, 'running', function(id)
    if queue_again(id) then
      again = again + 1
    else
      finish_from_outside(id, 'lost', 'contact with the worker was lost')
      lost = lost + 1
    end
  end)
end
return {now, replication_id, replicas, expired, lost, again, ended}
