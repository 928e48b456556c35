-- ARGV: id.
-- Tells the end of a job that was ended without telling it, now that replicas have acknowledged the end.
if redis.call('HDEL', JOB .. ARGV[1], 'untold') == 1 then tell_end(ARGV[1]) end
