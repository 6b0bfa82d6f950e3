--- `o2x lab`: starts the lab's own program, o2x-lab, which lies beside this one and is not needed in production.

local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local program = require "o2x.core.program"

return {
  name = "lab",
  usage = "lab up|down|status|env|reset|fault|advance-clock",
  raw = true,
  summary = "the platform in miniature on this machine: to try, to learn, to test",
  run = function(words)
    local path = fs.join(fs.folder(fs.realpath "/proc/self/exe"), "o2x-lab")
    if not fs.exists(path) then
      errors.input(path .. ": not found; the lab is a program of its own", "install it there: make install-lab")
    end
    local _, problem = program.exec(path, { arg[0] .. " lab", table.unpack(words) })
    errors.raise { kind = "failed", message = ("%s: %s"):format(path, problem) }
  end,
}
