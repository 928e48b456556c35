-- Returns for each lane the queued jobs, the running jobs, and the wait of the oldest queued job in ms.
local now, running, answers = now_ms(), {}, {}
for _, id in ipairs(redis.call('ZRANGE', LEASES, 0, -1)) do
  local lane = redis.call('HGET', JOB .. id, 'lane')
  if lane then running[lane] = (running[lane] or 0) + 1 end
end
for _, lane in ipairs(LANES) do
  local oldest = redis.call('ZRANGE', QUEUED .. lane, 0, 0)[1]
  local created = oldest and redis.call('HGET', JOB .. oldest, 'created_at')
  answers[#answers + 1] = redis.call('ZCARD', QUEUED .. lane)
  answers[#answers + 1] = running[lane] or 0
  answers[#answers + 1] = created and math.max(0, now - tonumber(created)) or 0
end
return answers
