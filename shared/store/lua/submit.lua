-- ARGV: id, lane, tool, whether a live worker is required ('1'), most queued jobs, queue wait in ms, lifetime in s, the
--       gateway that waits for the job's end (empty: none), sealed request, fingerprint of the request, owner, names that
--       only one job may change at a time (separated by blanks), principal, most jobs of that principal (0: no limit),
--       names by which a repeated command is recognised (separated by blanks), who takes turns with others in the
--       queue, most bytes of all stored requests and output (0: no limit), then pairs of field and value for the record.
-- Returns the number of replicas; the result and, if the job was accepted, its time of creation in ms.
-- A second call with the same id changes nothing, so a submit may be sent again after its answer was lost; with another
-- fingerprint it is a conflict. Only the owner of a busy name learns which job holds it. A repeated command joins the
-- existing job while that job runs, or until a call has got its result.
local id, lane, tool, gateway = ARGV[1], ARGV[2], ARGV[3], ARGV[8]
local there = redis.call('HMGET', JOB .. id, 'created_at', 'fingerprint')
if there[1] and there[2] ~= ARGV[10] then return with_replicas({'conflict'}) end
if there[1] then
  add_watcher(id, gateway)
  return with_replicas({'repeated', tonumber(there[1])})
end
for name in string.gmatch(ARGV[15], '%S+') do
  local repeatable = redis.call('GET', REPEATABLE .. name)
  local same = repeatable and redis.call('HMGET', JOB .. repeatable, 'created_at', 'state') or {}
  if same[1] then
    -- Most likely this is a call that missed the result and now asks again, so it replaces that call.
    if begin_wait(repeatable, id) then make_up_for_missed(repeatable) end
    add_watcher(repeatable, gateway)
    return with_replicas({'same', tonumber(same[1]), repeatable, same[2]})
  end
end
local now = now_ms()
if ARGV[4] == '1' and not is_served(tool, now) then
  return with_replicas({is_served(tool, now - WORKER_RESTART_MS) and 'worker-ended' or 'no-worker'})
end
local principal, principal_limit = PRINCIPAL .. ARGV[13], tonumber(ARGV[14])
if principal_limit > 0 then
  redis.call('ZREMRANGEBYSCORE', principal, '-inf', now)
  if redis.call('ZCARD', principal) >= principal_limit then return with_replicas({'principal-full'}) end
end
local queued = 0
for _, each in ipairs(LANES) do queued = queued + redis.call('ZCARD', QUEUE .. each) end
if queued >= tonumber(ARGV[5]) then return with_replicas({'queue-full'}) end
local budget = tonumber(ARGV[17])
if budget > 0 and known_stored_bytes() + #ARGV[9] > budget and stored_bytes() + #ARGV[9] > budget then
  return with_replicas({'output-full'})
end

for name in string.gmatch(ARGV[12], '%S+') do
  local holder = redis.call('GET', EXCLUSIVE .. name)
  local held = holder and redis.call('HMGET', JOB .. holder, 'state', 'owner') or {}
  if held[1] == 'queued' or held[1] == 'running' then
    return with_replicas({'busy', held[2] == ARGV[11] and holder or ''})
  end
end

local deadline = now + tonumber(ARGV[6])
local lifetime_s = tonumber(ARGV[7])
redis.call('HSET', JOB .. id, 'state', 'queued', 'lane', lane, 'tool', tool, 'created_at', now,
  'queue_deadline', deadline, 'attempt', 0, 'fingerprint', ARGV[10], 'owner', ARGV[11], 'exclusive', ARGV[12],
  'principal', ARGV[13], 'repeatable', ARGV[15], 'share', ARGV[16], 'watchers', gateway, unpack(ARGV, 18))
if ARGV[15] ~= '' then begin_wait(id, id) end
redis.call('EXPIRE', JOB .. id, lifetime_s)
redis.call('SET', REQUEST .. id, ARGV[9], 'EX', lifetime_s)
move_stored(id, #ARGV[9], lifetime_s)
if principal_limit > 0 then
  redis.call('ZADD', principal, now + lifetime_s * 1000, id)
  redis.call('EXPIRE', principal, math.max(lifetime_s, redis.call('TTL', principal)))
end
for name in string.gmatch(ARGV[12], '%S+') do redis.call('SET', EXCLUSIVE .. name, id, 'EX', lifetime_s) end
for name in string.gmatch(ARGV[15], '%S+') do redis.call('SET', REPEATABLE .. name, id, 'EX', lifetime_s) end
list(id, ARGV[13], now, lifetime_s)
redis.call('ZADD', LOAD .. lane, now + lifetime_s * 1000, id)
enqueue(id, lane, tool, next_turn(lane, ARGV[16]), deadline)
return with_replicas({'accepted', now})
