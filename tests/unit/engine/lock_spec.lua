local folder = require "tests.support.folder"
local fs = require "o2x.base.fs"
local lock = require "o2x.engine.lock"
local program = require "o2x.core.program"
local raised = require "tests.support.raised"

local function words(run) return { user = "ada", host = "vm", run = run, runbook = "deploy", since = "12:00" } end

describe("a tenant's lock", function()
  local place
  before_each(function() place = folder { ["locks/.keep"] = "" } end)
  after_each(function() place:close() end)

  it("is held by one at a time, and the next is told by whom", function()
    local held <close> = lock.take(place.path, "acme", words "R-1")
    assert.truthy(held)
    local ok, err = pcall(lock.take, place.path, "acme", words "R-2")
    assert.is_false(ok)
    assert.equal("locked", err.kind)
    assert.matches("acme .*ada@vm .*deploy %(R%-1%) .*12:00 .*" .. program.pid(), err.message)
  end)

  it("does not keep others from another tenant", function()
    local first <close> = lock.take(place.path, "acme", words "R-1")
    local second <close> = lock.take(place.path, "zeta", words "R-2")
    assert.is_true(first ~= second)
  end)

  it("is free again when it is closed", function()
    do
      local _held <close> = lock.take(place.path, "acme", words "R-1")
    end
    local again <close> = lock.take(place.path, "acme", words "R-2")
    assert.truthy(again)
  end)

  it("says who holds it", function()
    assert.is_nil(lock.holder(place.path, "acme"))
    local _held <close> = lock.take(place.path, "acme", words "R-1")
    assert.equal("R-1", lock.holder(place.path, "acme").run)
  end)

  it("is that of the tenant, not of the file", function()
    local _held <close> = lock.take(place.path, "acme", words "R-1")
    fs.remove_tree(place:at "locks")
    local err = raised(lock.take, place.path .. "/.", "acme", words "R-2")
    assert.equal("locked", err.kind)
    assert.equal(("acme is locked by process %d"):format(program.pid()), err.message)
  end)

  it("lets nothing go that it has not taken", function()
    do
      local _held <close> = lock.take(place.path, "acme", words "R-1")
      raised(lock.take, place.path, "acme", words "R-2")
      assert.equal("locked", raised(lock.take, place.path, "acme", words "R-3").kind)
    end
    local again <close> = lock.take(place.path, "acme", words "R-4")
    assert.truthy(again)
  end)

  it("is that of the file alone where a sandbox allows no names", function()
    local core = require "o2x.core.lock"
    local claim = core.claim
    core.claim = function() return nil, "the lock's socket: Operation not permitted", "EPERM" end
    do
      local _held <close> = lock.take(place.path, "acme", words "R-1")
      assert.matches("ada@vm runs deploy", raised(lock.take, place.path, "acme", words "R-2").message)
    end
    core.claim = claim
    local again <close> = lock.take(place.path, "acme", words "R-3")
    assert.truthy(again)
  end)

  it("that cannot be taken for another reason is a failure", function()
    local ok, err = pcall(lock.take, place:at "nosuch", "acme", words "R-1")
    assert.is_false(ok)
    assert.equal("failed", err.kind)
  end)
end)
