-- ARGV: id, lane, tool, demands a live worker ('1'), most queued jobs, queue wait ms, lifetime s, arq's job,
--       sealed request, fingerprint of the request, then field and value pairs of the record.
-- Answers with what came of it, and when the job was created in ms if it was accepted.
-- A second call with the same id changes nothing: a submit whose answer was lost may be sent again. One with another
-- fingerprint is another request.
local id, lane, tool = ARGV[1], ARGV[2], ARGV[3]
local there = redis.call('HMGET', JOB .. id, 'created_at', 'fingerprint')
if there[1] and there[2] ~= ARGV[10] then return {'conflict'} end
if there[1] then return {'repeated', tonumber(there[1])} end
local now = now_ms()
if ARGV[4] == '1' and redis.call('ZCOUNT', TOOL_WORKERS .. tool, now, '+inf') == 0 then return {'no-worker'} end
if redis.call('ZCARD', QUEUED) >= tonumber(ARGV[5]) then return {'queue-full'} end

local deadline = now + tonumber(ARGV[6])
local lifetime_s = tonumber(ARGV[7])
local fields = {}
for index = 11, #ARGV do fields[#fields + 1] = ARGV[index] end
redis.call('HSET', JOB .. id, 'state', 'queued', 'lane', lane, 'tool', tool, 'created_at', now,
  'queue_deadline', deadline, 'attempt', 0, 'fingerprint', ARGV[10], unpack(fields))
redis.call('EXPIRE', JOB .. id, lifetime_s)
redis.call('SET', REQUEST .. id, ARGV[9], 'EX', lifetime_s)
redis.call('ZADD', QUEUED, deadline, id)
enqueue(id, lane, tool, ARGV[8], lifetime_s, now)
return {'accepted', now}
