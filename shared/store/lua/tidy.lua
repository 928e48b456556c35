-- ARGV: id, lane.
-- Removes arq's keys of a job after its run, unless the job is queued again: a worker that lost its lease may call this
-- late.
local id, lane = ARGV[1], ARGV[2]
local record = redis.call('HMGET', JOB .. id, 'state', 'attempt')
if record[1] == 'queued' and tonumber(record[2]) > 0 then return 0 end
forget_in_arq(id, lane)
return 1
