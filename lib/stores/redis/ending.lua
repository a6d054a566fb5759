-- Put after each script, whose text is `main`: runs it in the one shard that is named, or in each of several, one after the other.
--
-- KEYS     see shared.lua: of one shard, or of several, one after the other; only bases end in `}:`
-- Returns  the result of the script, or an array of them

local single, results = KEYS[1]:sub(-2) ~= '}:', {}
for n = 1, #KEYS do
  if single or KEYS[n]:sub(-2) == '}:' then
    base = KEYS[n]
    results[#results + 1] = main()
  end
end
return #results == 1 and results[1] or results
