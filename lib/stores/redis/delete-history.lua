-- Deletes the ended-session records of a user. Called by `deleteHistory`.
--
-- ARGV[6]  user
-- Returns  { now }

local user = ARGV[6]
for _, id in ipairs(redis.call('ZRANGE', base .. 'h:' .. user_key(user), 0, -1)) do forget_ended(user, id) end
return { now }
