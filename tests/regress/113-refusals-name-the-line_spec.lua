-- A refusal said what and why, but not on which line of the script; and a wrong argument in some places showed the
-- address of a table, or an error from inside o2x.

local errors = require "o2x.base.error"
local signature = require "o2x.script.signature"

-- Calls fn as the function of an api that a script calls on x.lua:3.
local function problem(api, name, fn, ...)
  local function said() return "x.lua:3", "x.lua:3" end
  local _, err = pcall(signature.explain(fn, api, name, said, said), ...)
  return err
end

describe("an error of an api", function()
  it("names the line that it is about", function()
    for _, kind in ipairs { "refused", "input" } do
      local err = problem("vault", "read", function() errors.raise { kind = kind, message = "no" } end, "x")
      assert.same({ kind, "no", "x.lua:3" }, { err.kind, err.message, err.where })
    end
    local file = problem("vault", "read", function() errors.input("no", nil, "a.yaml:7") end, "x")
    assert.equal("a.yaml:7", file.where)
    local server = problem("vault", "read", function() errors.raise { kind = "failed", message = "503" } end, "x")
    assert.is_nil(server.where)
  end)

  it("has no addresses, and nothing from inside", function()
    local function shows(value) errors.raise { kind = "input", message = tostring(value) .. " is no prefix" } end
    local err = problem("redis", "count", shows, {})
    assert.equal("redis.count: pattern must be a string, got a table", err.message)
    err = problem("text", "bytes", function(n) return ("%d"):format(n) end, 1.5)
    assert.equal("text.bytes: bytes must be a integer, got a number", err.message)
    err = problem("crypto", "bcrypt", function() error "bad argument #1 to 'bcrypt' (1 to 72 bytes expected)" end, "")
    assert.same({ "input", "crypto.bcrypt: wrong argument: 1 to 72 bytes expected" }, { err.kind, err.message })
  end)
end)
