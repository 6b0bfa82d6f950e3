-- A query whose answer had 3 GB filled 3 GB of memory outside the heap of Lua, which is limited. The answer is counted
-- while it comes.

local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local limits = require "o2x.base.limits"
local servers = require "tests.support.servers"

local LARGE <const> = {
  ["many rows"] = "SELECT repeat('x', 1000) FROM generate_series(1, 1000000)",
  ["wide rows"] = "SELECT repeat('x', 30000000) FROM generate_series(1, 10)",
  ["one value"] = "SELECT repeat('x', 500000000)",
  ["rows without end"] = "SELECT a.n FROM generate_series(1, 1000000) a (n), generate_series(1, 1000000) b (n)",
}

local function resident() return tonumber(fs.read("/proc/self/status"):match("VmRSS:%s*(%d+) kB")) // 1024 end

describe("the answer of PostgreSQL", function()
  local server
  setup(function()
    server = servers.start "postgres"
    limits.use { answer = 8 }
  end)
  teardown(function()
    limits.use()
    server.stop()
  end)

  for what, sql in pairs(LARGE) do
    it("ends at a number of bytes: " .. what, function()
      local db <close> = server.connect()
      local before = resident()
      local ok, err = pcall(db.rows, db, sql)
      assert.is_false(ok)
      assert.is_true(errors.is(err), tostring(err))
      assert.matches("the answer of database %S+ has more than 8 MiB", err.message)
      assert.matches("limits.answer", err.hint)
      assert.is_true(resident() - before < 200, resident() - before .. " MiB")
    end)
  end

  it("may come close to it, again and again", function()
    local db <close> = server.connect()
    for _ = 1, 5 do
      assert.equal(5000000, #db:one("SELECT repeat('x', 5000000) AS text").text)
    end
  end)
end)
