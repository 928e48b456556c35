-- ARGV: id.
-- Its result has reached who asked for the command: the same command again is another run.
local id = ARGV[1]
for name in string.gmatch(redis.call('HGET', JOB .. id, 'repeatable') or '', '%S+') do
  if redis.call('GET', REPEATABLE .. name) == id then redis.call('DEL', REPEATABLE .. name) end
end
return 1
