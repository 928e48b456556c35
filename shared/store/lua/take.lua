-- ARGV: lane, worker, fencing token for the taken jobs, replication id that the worker knows, most jobs, lease in ms, then
--       the worker's tools.
-- Takes queued jobs in the order of their turns: each gets a lease and the fencing token, and no other attempt gets it.
-- Returns the number of replicas; 'taken', the jobs (id, record, sealed request) and the ended jobs, or 'unknown-server' if
-- the worker must first show the fencing tokens that it holds. A second call with the same token returns the same jobs,
-- so a call may be sent again after its answer was lost.
local lane, worker, fence, known, most, lease_ms = unpack(ARGV, 1, 6)
local replication_id, replicas = server()
if replication_id ~= known then return {replicas, {'unknown-server'}} end
local now, jobs, last = now_ms(), {}, LAST_TAKE .. worker .. ':' .. lane

local function add(id)
  jobs[#jobs + 1] = {id, redis.call('HGETALL', JOB .. id), redis.call('GET', REQUEST .. id)}
end

local earlier, ids = string.match(redis.call('GET', last) or '', '^(%S+) (.*)$')
if earlier == fence then
  redis.call('EXPIRE', last, TAKE_AGAIN_S)  -- a write, so that a replica can acknowledge this call too
  for id in string.gmatch(ids, '%S+') do
    if holds(id, fence) then add(id) end
  end
  return {replicas, {'taken', jobs, ended}}
end

local function take(id, turn)
  redis.call('ZREM', QUEUE .. lane, id)
  redis.call('ZREM', QUEUED .. lane, id)
  redis.call('HSET', JOB .. id, 'state', 'running', 'started_at', now, 'worker', worker, 'fence', fence)
  redis.call('HINCRBY', JOB .. id, 'attempt', 1)
  redis.call('ZADD', LEASES, now + lease_ms, id)
  pass_turn(lane, turn)
  tell_followers(id)
  add(id)
end

local tools = {}
for index = 7, #ARGV do tools[ARGV[index]] = true end

-- Looks at a queued job. Returns whether it stays in the queue, because the worker lacks its tool.
local function look(id, turn)
  local state, tool, deadline = unpack(redis.call('HMGET', JOB .. id, 'state', 'tool', 'queue_deadline'))
  if state ~= 'queued' then
    redis.call('ZREM', QUEUE .. lane, id)
    forget_turns_of_empty_queue(lane)
  elseif tonumber(deadline) < now then
    finish_from_outside(id, 'expired', 'no worker took the job in time')
  elseif tools[tool] then
    take(id, turn)
  else
    return true
  end
  return false
end

local seen, skipped, is_over = 0, 0, false
while #jobs < tonumber(most) and seen < WALK_LIMIT and not is_over do
  local page = redis.call('ZRANGE', QUEUE .. lane, skipped, skipped + WALK_PAGE - 1, 'WITHSCORES')
  is_over = #page == 0
  for index = 1, #page, 2 do
    if #jobs >= tonumber(most) then break end
    seen = seen + 1
    if look(page[index], tonumber(page[index + 1])) then skipped = skipped + 1 end
  end
end
if is_over then
  -- Nothing is left for this worker, so the tokens of its tools are out of date.
  for tool in pairs(tools) do redis.call('DEL', WAKE .. lane .. ':' .. tool) end
end
if #jobs > 0 then
  local names = {}
  for index, job in ipairs(jobs) do names[index] = job[1] end
  redis.call('SET', last, fence .. ' ' .. table.concat(names, ' '), 'EX', TAKE_AGAIN_S)
end
return {replicas, {'taken', jobs, ended}}
