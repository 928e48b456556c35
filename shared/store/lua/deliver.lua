-- ARGV: id.
-- Its result has reached who asked for the command: the same command again is another run.
local id = ARGV[1]
local name = redis.call('HGET', JOB .. id, 'repeatable') or ''
if name ~= '' and redis.call('GET', REPEATABLE .. name) == id then redis.call('DEL', REPEATABLE .. name) end
return 1
