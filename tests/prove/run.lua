--- Proves all shipped runbooks: build/o2x-dev tests/prove/run.lua [NAME] [OPTION of o2x prove …]. One after the other,
--- each in all labs.

local proc = require "o2x.base.proc"
local program = require "o2x.core.program"
local shell = require "o2x.base.shell"

package.path = "./?.lua;" .. package.path
local runbooks = require "tests.prove.runbooks"
local o2x = require("tests.support.build").o2x

local LONGEST <const> = 7200 -- seconds for one runbook

local name, options = nil, {}
for i = 1, #arg do
  if i > 1 and arg[i]:find "^%-%-" then
    options[#options + 1] = arg[i]
  elseif i > 1 then
    name = arg[i]
  end
end

local failed = 0
for _, row in ipairs(runbooks) do
  if not name or row[1] == name then
    local words = { "prove", table.unpack(row) }
    for _, line in ipairs(row.after or {}) do
      words[#words + 1] = "--after=" .. line
    end
    if row.without then words[#words + 1] = "--without=" .. row.without end
    table.move(options, 1, #options, #words + 1, words)
    print("o2x " .. shell.command(words))
    local result = proc.run {
      argv = { o2x, table.unpack(words) },
      env = program.environment(),
      timeout = LONGEST,
      on_line = function(line) print("  " .. line) end,
    }
    if result.code ~= 0 then failed = failed + 1 end
  end
end
print(failed == 0 and "all proved" or ("%d not proved"):format(failed))
program.exit_code(failed == 0 and 0 or 1)
return failed == 0 and 0 or 1
