-- ARGV: id, lane.
-- What arq keeps of a job goes when its run is over, unless the job waits in the queue once more: a worker that lost its
-- lease comes here late.
local id, lane = ARGV[1], ARGV[2]
local record = redis.call('HMGET', JOB .. id, 'state', 'attempt')
if record[1] == 'queued' and tonumber(record[2]) > 0 then return 0 end
forget_in_arq(id, lane)
return 1
