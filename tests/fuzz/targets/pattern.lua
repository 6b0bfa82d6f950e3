-- Patterns of scripts, against Lua's own: a pattern, a line break, a subject.
local pattern = require "o2x.core.pattern"

return function(input)
  local wanted, subject = input:match "^([^\n]*)\n(.*)$"
  if not wanted or #wanted > 12 or #subject > 24 then return end -- Lua's own may take for ever
  local theirs, ours = table.pack(pcall(string.find, subject, wanted)), table.pack(pcall(pattern.find, subject, wanted))
  assert(theirs[1] == ours[1], "one of them fails")
  for i = 2, theirs[1] and theirs.n or 1 do
    assert(theirs[i] == ours[i], "they differ")
  end
end
