-- ARGV: worker, announcement (JSON), lifetime in ms, then the worker's tools. A lifetime of 0 withdraws the worker.
-- Returns the key mark (false: none). An ended announcement is remembered for a while, because its worker may restart.
local worker, lifetime_ms = ARGV[1], tonumber(ARGV[3])
local member = table.concat({worker, unpack(ARGV, 4)}, ' ')
local now = now_ms()
if lifetime_ms > 0 then
  redis.call('SET', WORKER .. worker, ARGV[2], 'PX', lifetime_ms)
  if redis.call('ZADD', WORKERS, now + lifetime_ms, member) == 1 then
    redis.call('ZREMRANGEBYSCORE', WORKERS, '-inf', now - WORKER_RESTART_MS)
  end
else
  redis.call('DEL', WORKER .. worker)
  redis.call('ZADD', WORKERS, 'XX', now - 1, member)
end
return redis.call('GET', KEY_MARK)
