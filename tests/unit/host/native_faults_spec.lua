-- Every native function without memory: it fails in words, never in a crash, and works again afterwards.

local build = require "tests.support.build"
local faults = require "tests.support.faults"
local fs = require "o2x.base.fs"
local proc = require "o2x.base.proc"

if build.sanitized then return end

local NATIVES <const> = "tests/faults/natives.lua"

-- Covered by the sweeps of whole runs: they wait, end the process, or watch over it.
local ELSEWHERE <const> = {
  "^task%.",
  "^crypto%.bcrypt",
  "^input%.open",
  "^input%.typed",
  "^library%.",
  "^sandbox%.",
  "^interrupt%.",
  "^program%.ex",
  "^program%.kill_now",
  "^program%.memory_limit",
  "^dns%.",
  "^forks%.", -- of a prover
  "^fs%.user_name", -- the C library ends without memory where it looks for users
  "^pg%.start",
  "^resolve%.start",
  "^subprocess%.spawn",
  "^subprocess%.outlive", -- it allocates nothing
}

local function is_elsewhere(name)
  for _, pattern in ipairs(ELSEWHERE) do
    if name:find(pattern) then return true end
  end
  return false
end

describe("the native functions", function()
  teardown(faults.forget)

  it("fail in words when there is no memory", function()
    local result = proc.run {
      argv = { build.dev, NATIVES },
      env = { LD_PRELOAD = faults.shim(), O2X_EACH_BLOCK = "1" },
      timeout = 300,
    }
    assert.equal(0, result.code, result.stdout .. result.stderr)
    assert.matches("^%d+ functions, %d+ faults, 0 broken\n$", result.stdout)
  end)

  it("are all named there", function()
    local text, missing = fs.read(NATIVES), {}
    for _, file in ipairs(fs.list "host") do
      local source = file:find "%.c$" and fs.read("host/" .. file) or ""
      for name in source:gmatch "@function core%.([%w_.]+)" do
        if not text:find("core." .. name, 1, true) and not is_elsewhere(name) then missing[#missing + 1] = name end
      end
    end
    assert.same({}, missing)
  end)
end)
