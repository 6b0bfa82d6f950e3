-- Every command of the README is run, in its order, by a shell in a project of its own; only `make` is left out, which
-- is what runs this.

local fs = require "o2x.base.fs"
local proc = require "o2x.base.proc"

local function commands()
  local found, inside = {}, false -- inside a fence, only what follows a prompt is a command
  for line in io.lines "README.md" do
    if line:match "^```" then inside = not inside end
    local command = not inside and line:match "^    (%S.*)$" or line:match "^%$ (.*)$"
    if command and not command:find "^make " then found[#found + 1] = command end
  end
  return found
end

local function project()
  local folder = fs.temp_folder(fs.join(os.getenv "TMPDIR" or "/tmp", "o2x-test-readme-"))
  for _, name in ipairs { "runbooks", "stdlib", "examples" } do
    fs.copy_tree(name, fs.join(folder, name))
  end
  fs.mkdir(fs.join(folder, "build"))
  local program = require("tests.support.build").o2x
  fs.write(fs.join(folder, "build/o2x"), ('#!/bin/sh\nexec "%s" "$@"\n'):format(program), { mode = 493 })
  return folder
end

describe("the README", function()
  it("names commands that work", function()
    local folder = project()
    local script = "set -eu\n" .. table.concat(commands(), "\n")
    local result = proc.run { argv = { "bash", "-xc", script }, cwd = folder, timeout = 300 }
    proc.run { argv = { "build/o2x", "lab", "down" }, cwd = folder }
    proc.run { argv = { "build/o2x", "lab", "reset" }, cwd = folder }
    fs.remove_tree(folder)
    assert(result.code == 0, result.stderr:sub(-3000))
    assert.is_true(#commands() > 8)
  end)

  it("has a transcript without a secret", function()
    local text = fs.read "README.md"
    assert.is_nil(text:find "sk_live")
    assert.matches("done  onboard newclient", text)
  end)
end)
