--- The command o2x version: shows the versions of o2x, Lua and the runbook API.

local out = require "o2x.report.out"
local program = require "o2x.core.program"

return {
  most = 0,
  options = { { "json", help = "print JSON" } },
  run = function(options)
    if options.json then
      return out.json { o2x = program.version, lua = _VERSION, api = require("o2x.script.runbook").API }
    end
    out.data(("o2x %s (%s)"):format(program.version, _VERSION))
  end,
}
