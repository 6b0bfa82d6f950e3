--- `o2x lab`: runs o2x-lab, a separate program in the same folder. Production does not need it.

local lazy = require "o2x.base.lazy"
local errors = require "o2x.base.error"
local fs = lazy "o2x.base.fs"
local program = require "o2x.core.program"

return {
  raw = true,
  run = function(arguments)
    local path = fs.join(fs.folder(fs.program()), "o2x-lab")
    if not fs.exists(path) then
      errors.input("the lab is not installed: there is no " .. path, "install it: make install-lab")
    end
    local _, problem = program.exec(path, { arg[0] .. " lab", table.unpack(arguments) })
    errors.raise { kind = "failed", message = ("%s: %s"):format(path, problem) }
  end,
}
