-- ARGV: id.
-- Tells the end of a job that was settled without telling it, now that a replica has acknowledged the end.
if redis.call('HDEL', JOB .. ARGV[1], 'untold') == 1 then tell_end(ARGV[1]) end
