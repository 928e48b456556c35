-- ARGV: lane, most jobs to pick, time in ms of arq's in-progress mark, number of the worker's tools, the tools, job ids.
-- Marks due jobs of arq's queue as in progress. arq itself needs five round trips for each job.
-- Returns ids and scores of the jobs that were free and whose tool the worker has. Other jobs stay unmarked. A job's
-- tool never changes, so a worker can run every job that it picks.
local lane, most, in_progress_ms, first = ARGV[1], tonumber(ARGV[2]), ARGV[3], 5 + tonumber(ARGV[4])
local tools = {}
for index = 5, first - 1 do tools[ARGV[index]] = true end
local now, picked = now_ms(), {}
for index = first, #ARGV do
  if #picked >= 2 * most then break end
  local id = ARGV[index]
  local score = redis.call('ZSCORE', QUEUE .. lane, id)
  if score and tonumber(score) <= now and tools[redis.call('HGET', JOB .. id, 'tool') or '']
    and redis.call('SET', ARQ_IN_PROGRESS .. id, '1', 'NX', 'PX', in_progress_ms) then
    picked[#picked + 1] = id
    picked[#picked + 1] = score
  end
end
return picked
