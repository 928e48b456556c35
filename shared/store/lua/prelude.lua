-- Precedes every script: the clock, the queue with its turns, and the only function that ends a job.

local function now_ms()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

-- The server's replication id, which a failover and a restart change, and the number of replicas that follow it and were
-- heard of in the last seconds. Both are unknown where the server does not let scripts ask.
local function server()
  local info = redis.pcall('INFO', 'replication')
  if type(info) ~= 'string' then return '', 0 end
  local _, replicas = string.gsub(info, 'state=online,offset=[1-9]%d*,lag=[0-3][,\r]', '')
  return string.match(info, 'master_replid:(%x+)') or '', replicas
end

-- For scripts that a replica must acknowledge: their caller learns from each answer whether there is one.
local function with_replicas(answer)
  local _, replicas = server()
  return {replicas, answer}
end

-- Whether a worker with the tool lives at this time (now), or has lived since then (an earlier time).
local function is_served(tool, time)
  for _, worker in ipairs(redis.call('ZRANGEBYSCORE', WORKERS, time, '+inf')) do
    if string.find(worker .. ' ', ' ' .. tool .. ' ', 1, true) then return true end
  end
  return false
end

-- Only workers that have the tool wait on this list, because a token that another worker pops would be lost.
local function wake(id, lane, tool)
  local tokens = WAKE .. lane .. ':' .. tool
  redis.call('RPUSH', tokens, id)
  redis.call('LTRIM', tokens, -WAKE_LIMIT, -1)
end

-- Callers take turns in a lane (start-time fair queuing): a caller's jobs get turns at a distance of one, and none before
-- the present turn, so that a long queue of one caller does not delay another's job. A caller with a greater weight would
-- get a smaller distance. An empty queue forgets all turns, because they order only queued jobs.
local function present_turn(lane)
  return tonumber(redis.call('GET', TURN .. lane) or 0)
end

-- Of two callers that come at the same turn, the earlier one is first.
local function next_turn(lane, share)
  local present = present_turn(lane)
  local turn = math.max(present, tonumber(redis.call('ZSCORE', TURNS .. lane, share) or 0))
  if turn == present then redis.call('SET', TURN .. lane, present + 1 / ARRIVALS_IN_A_TURN) end
  redis.call('ZADD', TURNS .. lane, turn + 1, share)
  return turn
end

local function forget_turns_of_empty_queue(lane)
  if redis.call('EXISTS', QUEUE .. lane) == 0 then redis.call('DEL', TURN .. lane, TURNS .. lane) end
end

-- The present turn moves on by one while each caller that waits, and a new one, gets a job, so that new callers do not
-- come before the second jobs of the others for ever.
local function pass_turn(lane, turn)
  local waiting = math.min(redis.call('ZCARD', TURNS .. lane), redis.call('ZCARD', QUEUE .. lane))
  local present = math.max(turn, present_turn(lane)) + 1 / (waiting + 1)
  redis.call('SET', TURN .. lane, present)
  redis.call('ZREMRANGEBYSCORE', TURNS .. lane, '-inf', present)
  forget_turns_of_empty_queue(lane)
end

-- The caller's later jobs move up, as if this one had never been queued.
local function give_back_turn(lane, share)
  if redis.call('ZSCORE', TURNS .. lane, share) then redis.call('ZINCRBY', TURNS .. lane, -1, share) end
  forget_turns_of_empty_queue(lane)
end

-- A job that is queued again keeps its turn, unless the turns have begun anew.
local function own_turn(id, lane)
  return math.min(present_turn(lane), tonumber(redis.call('HGET', JOB .. id, 'turn') or 0))
end

local function enqueue(id, lane, tool, turn, deadline)
  redis.call('HSET', JOB .. id, 'turn', turn)
  redis.call('ZADD', QUEUE .. lane, turn, id)
  redis.call('ZADD', QUEUED .. lane, deadline, id)
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

-- The record names the gateways on which a request waits for the job's end. Writes even if the gateway is known, so that
-- a repeated submit has a write that a replica can acknowledge.
local function add_watcher(id, gateway)
  local watchers = redis.call('HGET', JOB .. id, 'watchers') or ''
  if not string.find(watchers, gateway, 1, true) then watchers = watchers .. ' ' .. gateway end
  redis.call('HSET', JOB .. id, 'watchers', watchers)
end

local function tell_followers(id)
  for _, gateway in ipairs(redis.call('SMEMBERS', FOLLOWERS .. id)) do redis.call('PUBLISH', GATEWAY .. gateway, id) end
end

-- Sends the finished job to the gateways that wait for it, with its response if that is small.
local function tell_end(id)
  local watchers = redis.call('HGET', JOB .. id, 'watchers') or ''
  if watchers ~= '' then
    local fields, record = redis.call('HGETALL', JOB .. id), {}
    for index = 1, #fields, 2 do record[fields[index]] = fields[index + 1] end
    local notice = {id = id, record = record}
    if redis.call('STRLEN', RESPONSE .. id) <= NOTICE_BYTES then
      notice.response = redis.call('GET', RESPONSE .. id) or ''
    end
    local text = cjson.encode(notice)
    for gateway in string.gmatch(watchers, '%S+') do redis.call('PUBLISH', GATEWAY .. gateway, text) end
  end
  tell_followers(id)
end

-- How many bytes all jobs take in Redis together: sealed requests, events and responses. They count in the minute in which
-- the job's keys expire, which its record names, so a minute that has passed frees what counted in it, and an error in
-- the sum ends with it. `total` is the sum as far as it is known; `stored_bytes` makes it exact.
local function count_stored(minute, bytes)
  redis.call('HINCRBY', STORED, minute, bytes)
  redis.call('HINCRBY', STORED, 'total', bytes)
  if redis.call('TTL', STORED) < minute * 60 + 60 - now_ms() / 1000 then
    redis.call('EXPIREAT', STORED, minute * 60 + 60)
  end
end

local function add_stored(id, bytes)
  local minute = redis.call('HGET', JOB .. id, 'expires_in')
  if not minute or bytes == 0 then return end
  redis.call('HINCRBY', JOB .. id, 'stored', bytes)
  count_stored(tonumber(minute), bytes)
end

-- What a job takes is set to `bytes`, which expire after some seconds from now on.
local function move_stored(id, bytes, lifetime_s)
  local before, minute = unpack(redis.call('HMGET', JOB .. id, 'stored', 'expires_in'))
  if minute then count_stored(tonumber(minute), -tonumber(before or 0)) end
  minute = math.floor(now_ms() / 60000 + lifetime_s / 60)
  redis.call('HSET', JOB .. id, 'stored', bytes, 'expires_in', minute)
  count_stored(minute, bytes)
end

local function known_stored_bytes()
  return tonumber(redis.call('HGET', STORED, 'total') or 0)
end

local function stored_bytes()
  local present, total = math.floor(now_ms() / 60000), 0
  local fields = redis.call('HGETALL', STORED)
  for index = 1, #fields, 2 do
    local minute = tonumber(fields[index])
    if minute and minute < present then
      redis.call('HDEL', STORED, fields[index])
    elseif minute then
      total = total + tonumber(fields[index + 1])
    end
  end
  if #fields > 0 and total ~= known_stored_bytes() then redis.call('HSET', STORED, 'total', total) end
  return total
end

-- Tool, class and final state of each job that this call ended. Every script that can end a job returns it.
local ended = {}

-- The sealed request and its key are deleted when the job ends, and so is the fence, so no attempt can write again.
-- The caller of this function tells the job's end (`tell_end`).
local function finish(id, state, reason)
  local record = JOB .. id
  local tool, class, lane, retention, exclusive, repeatable, principal, share = unpack(redis.call('HMGET', record,
    'tool', 'class', 'lane', 'retention_s', 'exclusive', 'repeatable', 'principal', 'share'))
  ended[#ended + 1] = tool or ''
  ended[#ended + 1] = class or ''
  ended[#ended + 1] = state
  if redis.call('ZREM', QUEUE .. lane, id) == 1 then give_back_turn(lane, share or '') end
  redis.call('ZREM', QUEUED .. lane, id)
  redis.call('ZREM', LOAD .. lane, id)
  redis.call('ZREM', LEASES, id)
  redis.call('HSET', record, 'state', state, 'ended_at', now_ms(), 'reason', reason)
  release(id, exclusive)
  keep_for_repeats(id, repeatable, HAS_RESULT[state] and UNDELIVERED_S or 0)
  redis.call('ZREM', PRINCIPAL .. principal, id)
  redis.call('HDEL', record, 'request_key', 'fence', 'worker', 'exclusive', 'owner', 'share')
  move_stored(id, math.max(0, count(id, 'stored') - redis.call('STRLEN', REQUEST .. id)), tonumber(retention))
  redis.call('DEL', REQUEST .. id)
  for _, key in ipairs({record, EVENTS .. id, CHANGES .. id, FOLLOWERS .. id}) do redis.call('EXPIRE', key, retention) end
end

local function finish_from_outside(id, state, reason)
  finish(id, state, reason)
  tell_end(id)
end

-- Ends a job, and tells it only if no replica has to acknowledge the end first; `tell` tells it then. Returns the number
-- of replicas, and whether waiters were told (1).
local function finish_and_tell_in_time(id, state, reason, has_replicas_elsewhere)
  finish(id, state, reason)
  local _, replicas = server()
  if replicas > 0 or has_replicas_elsewhere == '1' then
    redis.call('HSET', JOB .. id, 'untold', 1)
    return replicas, 0
  end
  tell_end(id)
  return replicas, 1
end

local function ask_to_end(id, reason)
  redis.call('HSETNX', JOB .. id, 'cancel', reason)
  redis.call('PUBLISH', CONTROL .. redis.call('HGET', JOB .. id, 'worker'), id)
end

local function holds(id, fence)
  local record = redis.call('HMGET', JOB .. id, 'state', 'fence')
  return record[1] == 'running' and record[2] == fence
end

-- A worker shows an attempt that does not hold its job. If the job is queued and no attempt on it is known, then this
-- server has lost the attempt's claim (a failover, restored data). A write must not run a second time, so it ends here.
local function disown(id)
  local state, attempt, class = unpack(redis.call('HMGET', JOB .. id, 'state', 'attempt', 'class'))
  if state == 'queued' and tonumber(attempt) == 0 and class ~= 'read' then
    finish_from_outside(id, 'lost', 'Redis has lost data while the command ran')
  end
end

-- Events follow one another in ARGV from `first` on: sequence number, sealed event, and the number of the change that it
-- tells of (0: none). Returns whether one of them is new.
local function append_events(id, first)
  local stream = EVENTS .. id
  local last = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)
  local newest = last[1] and tonumber(string.match(last[1][1], '^(%d+)')) or 0
  local is_new, bytes = false, 0
  for index = first, #ARGV, 3 do
    local sequence = tonumber(ARGV[index])
    if sequence > newest then
      redis.call('XADD', stream, ARGV[index] .. '-0', 'event', ARGV[index + 1])
      newest, is_new, bytes = sequence, true, bytes + #ARGV[index + 1] + ENTRY_BYTES
      if ARGV[index + 2] ~= '0' then
        redis.call('HSET', CHANGES .. id, ARGV[index + 2], ARGV[index])
        redis.call('EXPIRE', CHANGES .. id, redis.call('TTL', JOB .. id), 'NX')
      end
    end
  end
  if not last[1] then redis.call('EXPIRE', stream, redis.call('TTL', JOB .. id)) end
  add_stored(id, bytes)
  return is_new
end
