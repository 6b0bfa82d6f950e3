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

-- The last line of o2x prove: "proved  scale …: 209 cases in 41.8 s, …; 277 commands, 18 s of CPU, 88 ms a case".
local function sums(total, line)
  local cases, seconds, cpu = line:match ": (%d+) cases in ([%d.]+) s, .-; %d+ commands, (%d+) s of CPU"
  if not cases then return end
  total.cases, total.seconds = total.cases + tonumber(cases), total.seconds + tonumber(seconds)
  total.cpu = total.cpu + tonumber(cpu)
end

local failed, total, summaries = 0, { cases = 0, seconds = 0, cpu = 0 }, {}
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
      on_line = function(line)
        print("  " .. line)
        if line:find "^proved " or line:find "^not proved " then
          summaries[#summaries + 1] = line
          sums(total, line)
        end
      end,
    }
    if result.code ~= 0 then failed = failed + 1 end
  end
end
print(table.concat(summaries, "\n"))
print(
  ("%s: %d cases in %.0f s, %.1f a second, %.0f s of CPU"):format(
    failed == 0 and "all proved" or ("%d not proved"):format(failed),
    total.cases,
    total.seconds,
    total.cases / math.max(total.seconds, 0.001),
    total.cpu
  )
)
program.exit_code(failed == 0 and 0 or 1)
return failed == 0 and 0 or 1
