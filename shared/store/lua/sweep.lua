-- ARGV: Redis' time in ms after which expired leases are ignored (0: always), most jobs in one pass, longest time of a
--       pick-up in ms, time in ms of arq's in-progress mark, most attempts of a read, arq's job with `{id}` for the id,
--       then the lanes.
-- Returns Redis' time in ms, numbers of expired jobs, lost jobs, repaired pick-ups, reads queued again; the ended jobs.
local limit, pick_up_ms, in_progress_ms = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local attempts, arq_job = tonumber(ARGV[5]), ARGV[6]
local now = now_ms()

-- Calls `settle` for each job of an index whose time is over. Removes the entry if the job is no longer in that state.
local function each_overdue(index, state, settle)
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', index, '-inf', now, 'LIMIT', 0, limit)) do
    if redis.call('HGET', JOB .. id, 'state') == state then settle(id) else redis.call('ZREM', index, id) end
  end
end

-- Queues a read again unless it was cancelled, while its sealed request can still be opened (`RequestEnvelope.lifetime_s`).
-- The output of the first attempt is deleted, because the second attempt prints everything again.
local function queue_again(id)
  local names = {'class', 'attempt', 'cancel', 'lane', 'tool', 'created_at', 'queue_deadline', 'time_limit_s', 'retention_s',
    'principal'}
  local class, attempt, cancel, lane, tool, created, deadline, limit_s, retention_s, principal =
    unpack(redis.call('HMGET', JOB .. id, unpack(names)))
  if class ~= 'read' or tonumber(attempt) >= attempts or cancel then return false end
  local opens_until = tonumber(deadline) + tonumber(limit_s) * 1000
  local until_ms = math.floor(math.min(now + deadline - created, opens_until))
  if until_ms <= now or redis.call('EXISTS', REQUEST .. id) == 0 then return false end
  local lifetime_s = math.ceil((until_ms - now) / 1000 + limit_s + retention_s) + 60
  redis.call('HSET', JOB .. id, 'state', 'queued', 'queue_deadline', until_ms)
  redis.call('HDEL', JOB .. id, 'started_at', 'worker', 'fence')
  redis.call('EXPIRE', JOB .. id, lifetime_s)
  redis.call('EXPIRE', REQUEST .. id, lifetime_s)
  redis.call('ZADD', PRINCIPAL .. principal, 'XX', now + lifetime_s * 1000, id)
  if redis.call('TTL', PRINCIPAL .. principal) < lifetime_s then redis.call('EXPIRE', PRINCIPAL .. principal, lifetime_s) end
  if redis.call('TTL', JOBS .. principal) < lifetime_s then redis.call('EXPIRE', JOBS .. principal, lifetime_s) end
  redis.call('DEL', EVENTS .. id)
  redis.call('ZREM', LEASES, id)
  redis.call('ZADD', QUEUED, until_ms, id)
  forget_in_arq(id, lane)
  enqueue(id, lane, tool, string.gsub(arq_job, '{id}', id), lifetime_s, now)
  redis.call('PUBLISH', NOTICE .. id, 'queued')
  redis.call('PUBLISH', CHANGES .. id, '')
  return true
end

local expired, lost, again = 0, 0, 0
each_overdue(QUEUED, 'queued', function(id)
  finish_from_outside(id, 'expired', 'no worker took the job in time')
  expired = expired + 1
end)
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

-- If a worker dies between arq's pick-up and our claim, arq considers the queued job running. arq's queue also
-- contains any number of running jobs, so each second another part of a long queue is examined.
local repaired = 0
for index = 7, #ARGV do
  local lane = ARGV[index]
  local parts = math.max(1, math.ceil(redis.call('ZCARD', QUEUE .. lane) / limit))
  local first = math.floor(now / 1000) % parts * limit
  for _, id in ipairs(redis.call('ZRANGE', QUEUE .. lane, first, first + limit - 1)) do
    local state, tool = unpack(redis.call('HMGET', JOB .. id, 'state', 'tool'))
    if not state or (state ~= 'queued' and state ~= 'running') then
      forget_in_queue(id, lane)
    elseif state == 'queued' then
      local left_ms = redis.call('PTTL', ARQ_IN_PROGRESS .. id)
      if left_ms > 0 and in_progress_ms - left_ms > pick_up_ms then
        redis.call('DEL', ARQ_IN_PROGRESS .. id)
        wake(id, lane, tool)
        repaired = repaired + 1
      end
    end
  end
end
return {now, expired, lost, repaired, again, ended}
