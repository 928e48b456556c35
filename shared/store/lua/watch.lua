-- ARGV: id, gateway.
-- Notices of the job's end go to the gateway from now on. Returns the record and the sealed response (false: none).
local id = ARGV[1]
if redis.call('EXISTS', JOB .. id) == 0 then return {{}, false} end
add_watcher(id, ARGV[2])
return {redis.call('HGETALL', JOB .. id), redis.call('GET', RESPONSE .. id)}
