-- Returns the next positions of an index in its order, after one of them. Writes nothing.
-- Called by `list`, `history`, `count` and `end` by filter.
--
-- ARGV[6]  suffix of the index: i, e, u:<user> or h:<user>
-- ARGV[7]  newest | oldest
-- ARGV[8]  score and ARGV[9] id of the position, or '' and '': from the start
-- ARGV[10] how many
-- Returns  { now, id, score, … }

local index, newest, limit = base .. ARGV[6], ARGV[7] == 'newest', tonumber(ARGV[10])
local range, rank = newest and 'ZREVRANGE' or 'ZRANGE', newest and 'ZREVRANK' or 'ZRANK'

local from = 0
if ARGV[8] ~= '' then
  local place = redis.call(rank, index, ARGV[9])
  if place and tonumber(redis.call('ZSCORE', index, ARGV[9])) == tonumber(ARGV[8]) then
    from = place + 1
  else
    from = newest and redis.call('ZCOUNT', index, '(' .. ARGV[8], '+inf') or redis.call('ZCOUNT', index, '-inf', '(' .. ARGV[8])
    -- of those with the same score, the ids up to the place have been shown
    while true do
      local next = redis.call(range, index, from, from, 'WITHSCORES')
      if not next[1] or tonumber(next[2]) ~= tonumber(ARGV[8]) then break end
      if newest and next[1] < ARGV[9] or not newest and next[1] > ARGV[9] then break end
      from = from + 1
    end
  end
end

return { now, unpack(redis.call(range, index, from, from + limit - 1, 'WITHSCORES')) }
