-- version and help loaded the files of all commands and what these use, and the libraries of Redis, DNS and JSON.

local build = require "tests.support.build"
local folder = require "tests.support.folder"
local proc = require "o2x.base.proc"

-- Runs a command, then prints the modules and the shared libraries that the process has loaded.
local PROGRAM <const> = [[
require "o2x.main"(table.unpack(arg, 2))
for name in pairs(package.loaded) do print("module " .. name) end
for line in io.lines "/proc/self/maps" do print("library " .. (line:match "/(lib[%w+-]+)[%d.-]*%.so" or "none")) end
]]

describe("a start", function()
  local place
  setup(function() place = folder { ["main.lua"] = PROGRAM } end)
  teardown(function() place:close() end)

  local function loaded(command)
    local result = proc.run { argv = { build.dev, place:at "main.lua", command } }
    assert.equal(0, result.code, result.stderr)
    local set, count = {}, 0
    for kind, name in result.stdout:gmatch "(%l+) (lib[%w+-]+)\n" do
      set[kind .. " " .. name] = true
    end
    for name in result.stdout:gmatch "module (o2x[%w_.]+)\n" do
      set[name], count = true, count + 1
    end
    return set, count
  end

  it("loads few modules for version and help", function()
    for command, most in pairs { version = 30, help = 60 } do
      local set, count = loaded(command)
      assert.is_true(set["o2x.main"])
      assert.is_true(count <= most, ("%s loads %d modules"):format(command, count))
      for _, name in ipairs { "o2x.engine.run", "o2x.script.sandbox", "o2x.project.config", "o2x.base.json" } do
        assert.is_nil(set[name], command .. " loads " .. name)
      end
    end
  end)

  if build.sanitized then return end

  it("loads no library that it does not use", function()
    for _, command in ipairs { "version", "help", "list" } do
      local set = loaded(command)
      assert.is_true(set["library libc"] or set["library libm"])
      for _, name in ipairs {
        "libcurl",
        "libpq",
        "libcrypto",
        "libssl",
        "libcjson",
        "libcares",
        "libhiredis",
        "libcrypt",
      } do
        assert.is_nil(set["library " .. name], command .. " loads " .. name)
      end
    end
  end)
end)
