local crypto = require "o2x.base.crypto"
local gzip = require "o2x.base.gzip"
local proc = require "o2x.base.proc"
local raised = require "tests.support.raised"

local function packed(text) return proc.run({ argv = { "gzip", "-c" }, stdin = text }).stdout end

describe("gzip", function()
  it("is unpacked, whatever is in it", function()
    local long = crypto.random(50000) .. ("x"):rep(200000)
    for _, text in ipairs { "", "a", "\0\n\255", long } do
      assert.equal(text, gzip.unpack(packed(text), #text, "x"))
    end
  end)

  local bytes = packed "hello"
  for what, case in pairs {
    ["that unpacks to more than allowed"] = { bytes, 4, "x: unpacks to more than is allowed" },
    ["that grows a thousandfold"] = { packed(("a"):rep(1 << 20)), 1000, "x: unpacks to more than is allowed" },
    ["that is cut"] = { bytes:sub(1, -3), 100, "x: ends too early" },
    ["that is nothing"] = { "", 100, "x: ends too early" },
    ["with bytes after it"] = { bytes .. "z", 100, "x: has bytes after its end" },
    ["that is none"] = { "plain text", 100, "x: incorrect header check" },
    ["with a wrong checksum"] = { bytes:sub(1, -8) .. "\0" .. bytes:sub(-6), 100, "x: incorrect data check" },
  } do
    it(what .. " is refused", function()
      local e = raised(gzip.unpack, case[1], case[2], "x")
      assert.same({ "input", case[3] }, { e.kind, e.message })
    end)
  end
end)
