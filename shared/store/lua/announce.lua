-- ARGV: worker, announcement (JSON), lifetime in ms, then the worker's tools. A lifetime of 0 withdraws the worker.
-- Returns the key mark (false: none).
local worker, lifetime_ms = ARGV[1], tonumber(ARGV[3])
local now = now_ms()
if lifetime_ms > 0 then
  redis.call('SET', WORKER .. worker, ARGV[2], 'PX', lifetime_ms)
else
  redis.call('DEL', WORKER .. worker)
end
for index = 4, #ARGV do
  local members = TOOL_WORKERS .. ARGV[index]
  redis.call('ZREMRANGEBYSCORE', members, '-inf', now)
  if lifetime_ms > 0 then
    redis.call('ZADD', members, now + lifetime_ms, worker)
  else
    redis.call('ZREM', members, worker)
  end
end
return redis.call('GET', KEY_MARK)
