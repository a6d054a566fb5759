-- Put after each script, whose text is `main`: runs it in the one shard that is named, or in each of several, one after the other.
--
-- KEYS     shards
-- Returns  the result of the script, or an array of them

if #KEYS == 1 then return main() end
local answers = {}
for n = 1, #KEYS do
  base = KEYS[n]
  answers[n] = main()
end
return answers
