local clock = require "o2x.base.clock"
local eventually = require "tests.support.eventually"
local fs = require "o2x.base.fs"
local lock = require "o2x.engine.lock"
local proc = require "o2x.base.proc"
local raised = require "tests.support.raised"
local store = require "o2x.engine.store"

describe("the run store", function()
  local folder, runs
  before_each(function()
    folder = fs.temp_folder("/tmp/o2x-store-")
    runs = store.open(folder .. "/runs")
  end)
  after_each(function() fs.remove_tree(folder) end)

  local WRITE <const> = { t = "intent", path = "", kind = "thing", key = "a", effect = "e", slot = "s", desired = 1 }

  local function begin(tenant, status, wrote)
    local id = runs:new_id()
    local _, journal = runs:create(
      id,
      { tenant = tenant, runbook = { name = "build" }, params = {}, at = store.now() },
      { ["runbooks/build.lua"] = "return 1" }
    )
    if wrote then journal:append(WRITE) end
    if status then journal:append { t = "end", status = status, at = store.now() } end
    journal:close()
    return id
  end

  it("has ids that sort by time", function()
    local ids = {}
    for i = 1, 5 do
      ids[i] = begin("alpha", "done")
    end
    assert.same(ids, runs:ids())
    assert.matches("^R%-%d%d%d%d%d%d%d%d%-%d%d%d%d%d%d%-%x%x%x%x$", ids[1])
  end)

  describe("while the clock", function()
    local now <const> = clock.now
    after_each(function() clock.now = now end)

    for what, times in pairs {
      ["stands still"] = { 1e9, 1e9, 1e9, 1e9 },
      ["is set back"] = { 1e9, 1e9 - 3600, 1e9 - 86400 * 365, 0 },
      ["is set forward and back"] = { 1e9, 2 ^ 31 + 5, 4e9, 1e9 },
      ["is at the end of a second"] = { 1e9 + 65535 / 65536, 1e9 + 65535 / 65536, 1e9 + 0.9999999 },
    } do
      it(what .. ", ids sort by when the runs began", function()
        local ids = {}
        for i, time in ipairs(times) do
          clock.now = function() return time end
          ids[i] = begin("alpha", "done")
        end
        assert.same(ids, runs:ids())
      end)
    end
  end)

  it("gives no two runs the same id, whoever asks", function()
    local now <const> = clock.now
    clock.now = function() return 1e9 end
    local other = store.open(runs.folder)
    local one, _one <close> = runs:new_id()
    local two, _two <close> = other:new_id()
    clock.now = now
    assert.are_not.equal(one, two)
  end)

  it("leaves nothing of a run that did not begin", function()
    do
      local _id, _reserved <close> = runs:new_id()
    end
    assert.same({ "key" }, fs.list(runs.folder))
  end)

  it("makes no file of a run that was removed", function()
    local id = begin "alpha"
    fs.remove_tree(runs:folder_of(id))
    runs:keep(id, "stdlib/late.lua", "return 2")
    assert.is_nil(fs.stat(runs:folder_of(id)))
  end)

  it("has one key, whoever makes it; a damaged one is not replaced", function()
    local path = runs.folder .. "/key"
    local key = fs.read(path)
    store.open(runs.folder)
    assert.equal(key, fs.read(path))
    fs.write(path, key:sub(1, 7))
    assert.matches("has 7 bytes instead of 32", raised(store.open, runs.folder).message)
    assert.equal(7, #fs.read(path))
  end)

  it("keeps the sources that a run began with, for its owner only", function()
    local id = begin("alpha")
    assert.equal("return 1", runs:source(id, "runbooks/build.lua"))
    assert.is_nil(runs:source(id, "runbooks/other.lua"))
    assert.equal(tonumber("700", 8), fs.stat(runs:folder_of(id)).mode & 511)
  end)

  it("knows which runs are unfinished", function()
    local failed = begin("alpha", "failed", true)
    local crashed = begin("beta", nil, true)
    begin("gamma", "done", true)
    begin("epsilon", "failed")
    begin("zeta")
    begin("delta", "refused")
    local found = {}
    for i, h in ipairs(runs:unfinished()) do
      found[i] = h.id .. " " .. h.status
    end
    assert.same({ failed .. " failed", crashed .. " crashed" }, found)
    begin("alpha", "refused") -- which settles nothing, and neither does one that wrote nothing
    begin("alpha", "failed")
    assert.equal(2, #runs:unfinished())
    begin("alpha", "done")
    assert.equal(1, #runs:unfinished())
  end)

  it("notes that a run is dismissed, until somebody goes on with it all the same", function()
    local id = begin("alpha", "failed", true)
    local seconds = runs:summary(id).seconds
    runs:dismiss(id, "the tenant left")
    assert.same({}, runs:unfinished())
    assert.equal("the tenant left", runs:summary(id).dismissed.reason)
    assert.same({ "failed", seconds }, { runs:summary(id).status, runs:summary(id).seconds })
    assert.matches("dismissed already by", raised(runs.dismiss, runs, id, "again").message)
    local opened = runs:reopen(id)
    opened.journal:append { t = "resume", at = store.now() }
    opened.journal:append { t = "end", status = "failed", at = store.now() }
    opened.journal:close()
    assert.equal(1, #runs:unfinished())
  end)

  it("dismisses nothing that is done, refused, unknown or under way", function()
    for _, status in ipairs { "done", "refused", "incomplete" } do
      local problem = raised(runs.dismiss, runs, begin("alpha", status, true), "x")
      assert.matches("nothing to dismiss", problem.message)
    end
    assert.matches("unknown run", raised(runs.dismiss, runs, "R-20200101-000000-0000", "x").message)
    local id = begin("beta", nil, true)
    local held = runs:reopen(id)
    assert.matches("still running", raised(runs.dismiss, runs, id, "x").message)
    held.journal:close()
  end)

  it("finds a run by a part of its id", function()
    local id = begin("alpha")
    assert.equal(id, runs:find(id))
    assert.equal(id, runs:find(id:sub(-4)))
    assert.has_error(function() runs:find("R-nosuch") end)
    assert.has_error(function() runs:find("../etc") end)
  end)

  it("lists a run whose journal is damaged, and says so", function()
    local id = begin("alpha", "done")
    local path = runs:journal_of(id)
    fs.write(path, (fs.read(path):gsub("alpha", "beta_")))
    local list = runs:list()
    assert.equal("damaged", list[1].status)
    assert.truthy(list[1].error.message:find("line 1 of the journal is damaged", 1, true))
  end)

  it("compares fingerprints across runs by a key of its own", function()
    local secret = require "o2x.base.secret"
    local tag = secret.fingerprint(secret.new("s3cret-value", "x"))
    store.open(folder .. "/other")
    assert.are_not.equal(tag, secret.fingerprint(secret.new("s3cret-value", "x")))
    store.open(folder .. "/runs")
    assert.equal(tag, secret.fingerprint(secret.new("s3cret-value", "x")))
  end)
end)

describe("a tenant's lock", function()
  it("is held once, tells who holds it, and goes with its holder", function()
    local folder = fs.temp_folder("/tmp/o2x-lock-")
    fs.mkdir(folder .. "/locks")
    local words = { user = "ann", host = "box", runbook = "build", run = "R-1", since = "07:00" }
    do
      local _held <close> = lock.take(folder, "alpha", words)
      local ok, err = pcall(lock.take, folder, "alpha", { user = "bob" })
      assert.is_false(ok)
      assert.equal("locked", err.kind)
      assert.truthy(err.message:find("ann@box runs build (R-1) since 07:00", 1, true))
      assert.equal("R-1", lock.holder(folder, "alpha").run)
      assert.is_nil(lock.holder(folder, "beta"))
      local other <close> = lock.take(folder, "beta", { user = "bob" })
      assert.truthy(other)
    end
    assert.is_nil(lock.holder(folder, "alpha"))
    -- a holder that is killed holds nothing
    fs.write(
      folder .. "/hold.lua",
      ([[
      local held = require("o2x.engine.lock").take(%q, "alpha", { user = "eve" })
      io.stdout:write("held\n") io.stdout:flush()
      require("o2x.base.task").sleep(60)]]):format(folder)
    )
    local seen
    local child <close> =
      proc.start { argv = { require("tests.support.build").dev, folder .. "/hold.lua" }, log = folder .. "/out" }
    eventually("the lock", function()
      seen = (lock.holder(folder, "alpha") or {}).user -- the words come a moment after the lock
      return seen
    end)
    child:kill(9)
    proc.wait(child, 10)
    assert.equal("eve", seen)
    assert.is_nil(lock.holder(folder, "alpha"))
    fs.remove_tree(folder)
  end)
end)
