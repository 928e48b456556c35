-- Precedes every script: the clock, and the only functions that queue a job and end a job.

local function now_ms()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

-- Only workers that have the tool wait on this list, because a token that another worker pops would be lost.
local function wake(id, lane, tool)
  local tokens = WAKE .. lane .. ':' .. tool
  redis.call('RPUSH', tokens, id)
  redis.call('LTRIM', tokens, -WAKE_LIMIT, -1)
end

-- The score is a minute in the past: if it is later than the worker's clock, arq takes the job for a deferred one.
local function enqueue(id, lane, tool, arq_job, lifetime_s, now)
  redis.call('SET', ARQ_JOB .. id, arq_job, 'EX', lifetime_s)
  redis.call('ZADD', QUEUE .. lane, now - 60000, id)
  wake(id, lane, tool)
end

-- Each new job removes up to two of the oldest ids whose records have expired, so that the list does not grow.
local function list(id, principal, now, lifetime_s)
  local jobs = JOBS .. principal
  for _, oldest in ipairs(redis.call('ZRANGE', jobs, 0, 1)) do
    if redis.call('EXISTS', JOB .. oldest) == 0 then redis.call('ZREM', jobs, oldest) end
  end
  redis.call('ZADD', jobs, now, id)
  redis.call('ZREMRANGEBYRANK', jobs, 0, -LISTED_JOBS - 1)
  redis.call('EXPIRE', jobs, math.max(lifetime_s, redis.call('TTL', jobs)))
end

local function forget_in_arq(id, lane)
  redis.call('ZREM', QUEUE .. lane, id)
  redis.call('DEL', ARQ_JOB .. id, ARQ_IN_PROGRESS .. id, ARQ_RETRY .. id)
end

local function forget_in_queue(id, lane)
  redis.call('ZREM', QUEUED, id)
  forget_in_arq(id, lane)
end

local function release(id, names)
  for name in string.gmatch(names or '', '%S+') do
    if redis.call('GET', EXCLUSIVE .. name) == id then redis.call('DEL', EXCLUSIVE .. name) end
  end
end

-- If other calls can join a command, its record contains the calls that wait for the result (`call:` and `waiting`), how
-- many ended without the result (`missed`), and whether a call got the job's id instead (`handed`). `submit` begins a
-- wait, `deliver` ends it.
local function begin_wait(id, call)
  local is_new = redis.call('HSETNX', JOB .. id, 'call:' .. call, 1) == 1
  if is_new then redis.call('HINCRBY', JOB .. id, 'waiting', 1) end
  return is_new
end

local function count(id, field)
  return tonumber(redis.call('HGET', JOB .. id, field) or 0)
end

local function make_up_for_missed(id)
  if count(id, 'missed') > 0 then redis.call('HINCRBY', JOB .. id, 'missed', -1) end
end

-- A repeated command gets the first run's result for a while. A command that was cancelled or never ran starts again.
local HAS_RESULT = {succeeded = true, failed = true, timed_out = true, lost = true}

-- Called with no time, so that the same command starts a new job.
local function keep_for_repeats(id, names, lifetime_s)
  for name in string.gmatch(names or '', '%S+') do
    if redis.call('GET', REPEATABLE .. name) == id then redis.call('EXPIRE', REPEATABLE .. name, lifetime_s) end
  end
end

-- Tool, class and final state of each job that this call ended. Every script that can end a job returns it.
local ended = {}

-- The sealed request and its key are deleted when the job ends, and so is the fence, so no attempt can write again.
local function finish(id, state, reason)
  local record = JOB .. id
  ended[#ended + 1] = redis.call('HGET', record, 'tool') or ''
  ended[#ended + 1] = redis.call('HGET', record, 'class') or ''
  ended[#ended + 1] = state
  local retention = tonumber(redis.call('HGET', record, 'retention_s'))
  redis.call('HSET', record, 'state', state, 'ended_at', now_ms(), 'reason', reason)
  release(id, redis.call('HGET', record, 'exclusive'))
  keep_for_repeats(id, redis.call('HGET', record, 'repeatable'), HAS_RESULT[state] and UNDELIVERED_S or 0)
  redis.call('ZREM', PRINCIPAL .. redis.call('HGET', record, 'principal'), id)
  redis.call('HDEL', record, 'request_key', 'fence', 'worker', 'exclusive', 'owner')
  redis.call('DEL', REQUEST .. id)
  redis.call('ZREM', QUEUED, id)
  redis.call('ZREM', LEASES, id)
  redis.call('EXPIRE', record, retention)
  redis.call('EXPIRE', EVENTS .. id, retention)
  redis.call('PUBLISH', NOTICE .. id, state)
  redis.call('PUBLISH', CHANGES .. id, '')
end

-- Ends a job from outside its worker. The worker will not remove arq's keys, so this function does.
local function finish_from_outside(id, state, reason)
  forget_in_queue(id, redis.call('HGET', JOB .. id, 'lane'))
  finish(id, state, reason)
end

local function ask_to_end(id, reason)
  redis.call('HSETNX', JOB .. id, 'cancel', reason)
  redis.call('PUBLISH', CONTROL .. redis.call('HGET', JOB .. id, 'worker'), id)
end

local function holds(id, fence)
  local record = redis.call('HMGET', JOB .. id, 'state', 'fence')
  return record[1] == 'running' and record[2] == fence
end

local function append_events(id, first)
  local stream = EVENTS .. id
  local last = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)
  local newest = last[1] and tonumber(string.match(last[1][1], '^(%d+)')) or 0
  for index = first, #ARGV, 2 do
    local sequence = tonumber(ARGV[index])
    if sequence > newest then
      redis.call('XADD', stream, ARGV[index] .. '-0', 'event', ARGV[index + 1])
      newest = sequence
    end
  end
  if not last[1] then redis.call('EXPIRE', stream, redis.call('TTL', JOB .. id)) end
end
