-- Returns the server's time. Called by `now`.
--
-- KEYS     the base
-- Returns  { now }

return { now }
