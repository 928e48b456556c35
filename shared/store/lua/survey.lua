-- ARGV: most ended jobs that may still be in arq's queue, then the lanes.
-- Returns for each lane the queued jobs, the running jobs, and the wait of the oldest queued job in ms.
-- arq's queue also contains running jobs, which this script must skip: at most one for each slot of the fleet.
local margin, now, running, answers = tonumber(ARGV[1]), now_ms(), {}, {}
for _, id in ipairs(redis.call('ZRANGE', LEASES, 0, -1)) do
  local lane = redis.call('HGET', JOB .. id, 'lane')
  if lane then running[lane] = (running[lane] or 0) + 1 end
end

local function oldest_ms(lane, within)
  for _, id in ipairs(redis.call('ZRANGE', QUEUE .. lane, 0, within - 1)) do
    local record = redis.call('HMGET', JOB .. id, 'state', 'created_at')
    if record[1] == 'queued' then return math.max(0, now - tonumber(record[2])) end
  end
end

for index = 2, #ARGV do
  local lane = ARGV[index]
  local runs = running[lane] or 0
  local queued = redis.call('ZCARD', QUEUE .. lane) - runs
  local oldest = queued > 0 and oldest_ms(lane, runs + margin)
  for _, number in ipairs({oldest and queued or 0, runs, oldest or 0}) do answers[#answers + 1] = number end
end
return answers
