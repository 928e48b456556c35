-- ARGV: lane, most jobs to pick, arq's in-progress ms, then job ids.
-- Marks due jobs of arq's queue as in progress, as arq's own pick-up does in five round trips a job.
-- Answers with ids and scores of those that were free.
local lane, most, in_progress_ms = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local now, picked = now_ms(), {}
for index = 4, #ARGV do
  if #picked >= 2 * most then break end
  local id = ARGV[index]
  local score = redis.call('ZSCORE', QUEUE .. lane, id)
  if score and tonumber(score) <= now and redis.call('SET', ARQ_IN_PROGRESS .. id, '1', 'NX', 'PX', in_progress_ms) then
    picked[#picked + 1] = id
    picked[#picked + 1] = score
  end
end
return picked
