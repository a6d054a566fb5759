-- Returns the slices whose time bucket starts within a range. Writes nothing.
-- Called by `statistics`, in the first shard, until a reply is short.
--
-- ARGV[6]  from, ARGV[7] to (not included), ARGV[8] how many to skip, ARGV[9] how many to return
-- Returns  { now, name, until, value, … }

local answer = { now }
for _, name in ipairs(redis.call('ZRANGEBYSCORE', base .. 'oa', ARGV[6], '(' .. ARGV[7], 'LIMIT', ARGV[8], ARGV[9])) do
  answer[#answer + 1] = name
  answer[#answer + 1] = redis.call('ZSCORE', base .. 'ou', name)
  answer[#answer + 1] = redis.call('HGET', base .. 'o', name)
end
return answer
