-- ARGV: Redis' own time in ms after which expired leases are left alone (0: always), most jobs per pass, how long a
--       pick-up may take ms, arq's in-progress ms, then the lanes.
-- Answers: Redis' own time in ms, jobs expired, jobs lost, pick-ups repaired.
local limit, pick_up_ms, in_progress_ms = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local now = now_ms()

-- Ends the jobs of an index whose time is over; an entry whose job is no longer in that state is only forgotten.
local function end_overdue(index, from, to, reason)
  local ended = 0
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', index, '-inf', now, 'LIMIT', 0, limit)) do
    if redis.call('HGET', JOB .. id, 'state') == from then
      finish_from_outside(id, to, reason)
      ended = ended + 1
    else
      redis.call('ZREM', index, id)
    end
  end
  return ended
end

local expired = end_overdue(QUEUED, 'queued', 'expired', 'no worker took the job in time')
local lost = 0
if now <= tonumber(ARGV[1]) then
  lost = end_overdue(LEASES, 'running', 'lost', 'contact with the worker was lost')
end

-- A worker that died between arq's pick-up and our claim leaves a queued job that arq takes for running. Running jobs
-- stand in arq's queue too, any number of them: each second another part of a long queue is looked at.
local repaired = 0
for index = 5, #ARGV do
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
return {now, expired, lost, repaired}
