-- ARGV: id, call that gets the result (empty: somebody who has the id).
-- When all have got it who waited, the same command again is another run.
local id, call = ARGV[1], ARGV[2]
local names = redis.call('HGET', JOB .. id, 'repeatable') or ''
if names == '' then return 1 end
if call ~= '' then
  end_wait(id, call)
elseif count(id, 'missed') > 0 then
  redis.call('HINCRBY', JOB .. id, 'missed', -1)
end
redis.call('HDEL', JOB .. id, 'handed')
if count(id, 'waiting') > 0 or count(id, 'missed') > 0 then return 1 end
for name in string.gmatch(names, '%S+') do
  if redis.call('GET', REPEATABLE .. name) == id then redis.call('DEL', REPEATABLE .. name) end
end
return 1
