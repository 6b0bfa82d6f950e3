-- The program with a bug in it, for o2x prove to catch: build/o2x-dev tests/support/planted.lua COMMAND …
-- PLANTED=NAME names it; "forgets KIND": an undo says nothing of the effects of a kind, and takes none back.
package.path = (arg[1]:match "^(.*)/tests/support/planted%.lua$" or ".") .. "/?.lua;" .. package.path

local function forget(kind)
  local reversal = require "o2x.engine.reversal"
  local of = reversal.of
  reversal.of = function(run)
    local list = {}
    for _, one in ipairs(of(run)) do
      if one.entry.kind ~= kind then list[#list + 1] = one end
    end
    return list
  end
end

local name = os.getenv "PLANTED"
forget(assert(name and name:match "^forgets (.+)$", "no such bug"))
return require "o2x.main"(table.unpack(arg, 2))
