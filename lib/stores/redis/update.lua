-- Changes one live session: all of it happens, or nothing. Called by `update`.
--
-- KEYS      the session; if its deadline changes, the base, `x` and the session
-- ARGV[6]   id
-- ARGV[7]   the generation that must be the current one, or ''
-- ARGV[8]   hash of the new verifier, or ''; ARGV[9] 1: the old one stays valid for the grace period
-- ARGV[10]  1: the session is seen now
-- ARGV[11]  idleTimeout and ARGV[12] absoluteTimeout, which start now because the user authenticated again, or ''
-- ARGV[13]  absoluteTimeout from now that shortens the lifetime, or ''
-- ARGV[14]  the most bytes of the whole data after the change, or ''
-- ARGV[15]  how many fields to clear, their names; then names and values to set
-- Returns   { now, 'done' | 'conflict', fields } | { now, 'too-large', bytes } | { now, 'gone', fields of a session that has expired }

local id = ARGV[6]
local key = KEYS[#KEYS]
local record = find_at(key, id)
if not record or record.due <= now then return { now, 'gone', redis.call('HGETALL', key) } end
if ARGV[7] ~= '' and tonumber(ARGV[7]) ~= record.generation then return { now, 'conflict', redis.call('HGETALL', key) } end

if ARGV[14] ~= '' then
  local cleared, bytes = {}, 0
  -- the pieces of a long text have the names `=key`, `1=key`, `2=key`, …
  local function add(field, text)
    local piece, name = field:match('^(%d*)=(.*)$')
    if name then bytes = bytes + #text + (piece == '' and #name or 0) end
  end
  for name = 16, 15 + ARGV[15] do cleared[ARGV[name]] = true end
  local fields = redis.call('HGETALL', key)
  for n = 1, #fields, 2 do
    if not cleared[fields[n]:gsub('^%d+', '')] then add(fields[n], fields[n + 1]) end
  end
  for n = 16 + ARGV[15], #ARGV, 2 do add(ARGV[n], ARGV[n + 1]) end
  if bytes > tonumber(ARGV[14]) then return { now, 'too-large', bytes } end
end

for name = 16, 15 + ARGV[15] do clear(key, ARGV[name]) end
write(key, ARGV, 16 + ARGV[15])
if ARGV[8] ~= '' then
  if ARGV[9] == '1' then redis.call('HSET', key, 'p', redis.call('HGET', key, 'h')) else redis.call('HDEL', key, 'p') end
  redis.call('HSET', key, 'h', ARGV[8], 'g', ('%d %.0f -'):format(record.generation + 1, now))
end
if ARGV[10] == '1' then record.last_seen = math.max(now, record.last_seen) end
if ARGV[11] ~= '' then
  record.authenticated = ('%.0f'):format(now)
  record.last_seen = now
  record.idle_timeout = ARGV[11]
  record.absolute_expires_at = now + ARGV[12]
end
if ARGV[13] ~= '' then record.absolute_expires_at = math.min(record.absolute_expires_at, now + ARGV[13]) end
redis.call('HSET', key, 't', format_times(record), 'l', record.last_seen)
if ARGV[11] ~= '' or ARGV[13] ~= '' then
  redis.call('ZADD', base .. 'x', math.min(record.absolute_expires_at, record.last_seen + record.idle_timeout), id)
  redis.call('PEXPIRE', key, ('%.0f'):format(record.absolute_expires_at - now + backstop))
end
publish_changed(id)
return { now, 'done', redis.call('HGETALL', key) }
