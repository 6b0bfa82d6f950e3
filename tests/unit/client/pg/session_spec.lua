local session = require "o2x.client.pg.session"

local Class = { close = function() end }
Class.__index = Class

describe("pg's session", function()
  it("knows its options: an unknown one is a bug", function()
    local ok, err = pcall(session.connect, { dbname = "x", hots = "y" }, Class)
    assert.is_false(ok)
    assert.equal("bug", err.kind)
    assert.matches("hots", err.message)
  end)

  it("connects to no name that is none", function()
    local ok, err = pcall(session.connect, { host = "127.0.0.1", dbname = "x' user=postgres" }, Class)
    assert.is_false(ok)
    assert.equal("input", err.kind)
  end)

  it("says that nobody listens, and does not hang", function()
    local ok, err = pcall(session.connect, { host = "127.0.0.1", port = 1, user = "admin", dbname = "x" }, Class)
    assert.is_false(ok)
    assert.equal("unreachable", err.kind)
    assert.matches("127.0.0.1:1 refuses connections", err.message)
  end)

  it("says that a host has no address", function()
    local ok, err = pcall(session.connect, { host = "nosuch.invalid", user = "admin", dbname = "x" }, Class)
    assert.is_false(ok)
    assert.equal("08001", err.code)
    assert.matches("does not resolve", err.message)
  end)
end)
