-- ARGV: Redis' own time in ms after which expired leases are left alone (0: always), most jobs per pass, how long a
--       pick-up may take ms, arq's in-progress ms, how often a read may be begun, arq's job with `{id}` for the id,
--       then the lanes.
-- Answers: Redis' own time in ms, jobs expired, jobs lost, pick-ups repaired, reads queued again, what it ended.
local limit, pick_up_ms, in_progress_ms = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local attempts, arq_job = tonumber(ARGV[5]), ARGV[6]
local now = now_ms()

-- Calls back for the jobs of an index whose time is over; an entry whose job is no longer in that state is only forgotten.
local function each_overdue(index, state, settle)
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', index, '-inf', now, 'LIMIT', 0, limit)) do
    if redis.call('HGET', JOB .. id, 'state') == state then settle(id) else redis.call('ZREM', index, id) end
  end
end

-- A read that nobody has asked to end is begun once more: until when its sealed request opens, the record says
-- (`RequestEnvelope.lifetime_s`). What the first attempt printed goes with it: the second one prints it all anew.
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

-- A worker that died between arq's pick-up and our claim leaves a queued job that arq takes for running. Running jobs
-- stand in arq's queue too, any number of them: each second another part of a long queue is looked at.
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
