-- Saves the statistics of one node for one time bucket, and overwrites earlier ones of the same bucket.
-- Called by `saveStatistics`, in the first shard.
--
-- ARGV[6]  name of the slice, ARGV[7] start, ARGV[8] when it may be deleted, ARGV[9] value
-- Returns  { now }

redis.call('HSET', base .. 'o', ARGV[6], ARGV[9])
redis.call('ZADD', base .. 'oa', ARGV[7], ARGV[6])
redis.call('ZADD', base .. 'ou', ARGV[8], ARGV[6])
return { now }
