-- One file of runbooks/ that could not be read (a link to a folder, to a device) kept o2x check from checking the
-- others.

local fs = require "o2x.base.fs"
local proc = require "o2x.base.proc"

local O2X <const> = fs.realpath "build/o2x"

it("o2x check goes on after a file that cannot be read", function()
  local folder = fs.temp_folder "/tmp/o2x-check-"
  fs.mkdir(folder .. "/runbooks")
  fs.mkdir(folder .. "/stdlib")
  proc.run { argv = { "ln", "-s", "/dev/zero", folder .. "/runbooks/bad.lua" }, timeout = 10 }
  fs.write(folder .. "/runbooks/worse.lua", "return 1")
  local result = proc.run { argv = { O2X, "check" }, cwd = folder, timeout = 60 }
  fs.remove_tree(folder)
  assert.equal(3, result.code)
  assert.truthy(result.stdout:find("bad.lua: File too large", 1, true), result.stdout .. result.stderr)
  assert.truthy(result.stdout:find("worse.lua: not a runbook", 1, true), result.stdout .. result.stderr)
end)
