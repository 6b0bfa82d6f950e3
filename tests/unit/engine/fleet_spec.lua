local fleets = require "o2x.engine.fleet"
local folder = require "tests.support.folder"

local PLATFORM <const> = [[
local M = {}
function M.load(name, platform, file) return { name = name, environment = file.environment, region = file.region } end
function M.grants() return {} end
return M
]]

describe("which tenants are meant", function()
  local place, project, config

  setup(function()
    place = folder {
      ["stdlib/platform.lua"] = PLATFORM,
      ["tree/platform.yaml"] = "x: 1\n",
      ["tree/tenants/a.yaml"] = "environment: production\nregion: us\n",
      ["tree/tenants/b.yaml"] = "environment: production\nregion: eu\n",
      ["tree/tenants/c.yaml"] = "environment: sandbox\nregion: eu\n",
    }
    project = { root = place.path, stdlib = place:at "stdlib", runbooks = place:at "runbooks" }
    config = { platform = place:at "tree" }
  end)
  teardown(function() place:close() end)

  local function select(words) return fleets.select(project, config, words) end

  local function refused(message, words)
    local ok, err = pcall(select, words)
    assert.is_false(ok)
    assert.equal("input", err.kind)
    assert.matches(message, err.message)
    return err
  end

  it("are some: nobody at all is bad input", function()
    local empty <close> = folder { ["platform.yaml"] = "x: 1\n" }
    local ok, err = pcall(fleets.select, project, { platform = empty.path }, "all")
    assert.is_false(ok)
    assert.same({ "input", "no tenant has a file" }, { err.kind, err.message })
  end)

  it("can be all of them, or those that are named, in that order", function()
    assert.same({ "a", "b", "c" }, select "all")
    assert.same({ "c", "a" }, select "c,a")
  end)

  it("can be those with certain fields", function()
    assert.same({ "a", "b" }, select "env=production")
    assert.same({ "b" }, select "env=production,region=eu")
  end)

  it("is never guessed", function()
    refused("d", "d")
    refused("twice", "a,a")
    refused("names", "")
    refused("not both", "env=production,a")
    refused("all of env=sandbox", "env=sandbox,region=us")
    refused("colour", "colour=red")
    assert.matches("production, sandbox", refused("env=prod", "env=prod").hint)
  end)
end)

describe("a run over several tenants", function()
  local place, store, past

  before_each(function()
    place = folder()
    past = {}
    local count = 0
    store = {
      folder = place.path,
      new_id = function()
        count = count + 1
        return "R-20260210-12000" .. count .. "-abcd"
      end,
      list = function() return past end,
    }
  end)
  after_each(function() place:close() end)

  local function create(fields)
    local fleet = { runbook = "deploy", tenants = { "a", "b", "c" }, at_once = 1 }
    for name, value in pairs(fields or {}) do
      fleet[name] = value
    end
    return fleets.create(store, fleet)
  end

  -- Goes through it with these statuses; -> "tenant status" of each, the status of the whole
  local function perform(fleet, statuses)
    local asked = {}
    local list, status = fleets.perform(store, fleet, function(tenant)
      asked[#asked + 1] = tenant
      local word = statuses[tenant] or "done"
      return { status = word, error = word == "failed" and { kind = "failed" } or nil }
    end)
    local words = {}
    for i, outcome in ipairs(list) do
      words[i] = outcome.tenant .. " " .. outcome.status
    end
    return words, status, asked
  end

  it("is read back by its id or the end of it", function()
    local fleet = create()
    assert.matches("^F%-", fleet.id)
    assert.same(fleet.tenants, fleets.read(store, fleet.id).tenants)
    assert.equal(fleet.id, fleets.read(store, "F-1-abcd").id)
    local ok, err = pcall(fleets.read, store, "F-nosuch")
    assert.is_false(ok)
    assert.equal("input", err.kind)
  end)

  it("goes through its tenants in order", function()
    local words, status = perform(create(), {})
    assert.same({ "a done", "b done", "c done" }, words)
    assert.equal("done", status)
  end)

  it("stops at the first failure", function()
    local words, status, asked = perform(create(), { b = "failed" })
    assert.same(
      { "a done", "b failed", "c not begun" },
      { words[1], words[2], (words[3]:gsub("not %a+", "not begun")) }
    )
    assert.equal("failed", status)
    assert.same({ "a", "b" }, asked)
  end)

  it("goes on with the others when told to, and has failed all the same", function()
    local _, status, asked = perform(create { keep_going = true }, { b = "failed" })
    assert.equal("failed", status)
    assert.same({ "a", "b", "c" }, asked)
  end)

  it("leaves alone what is done already", function()
    local fleet = create()
    past = {
      { fleet = fleet.id, tenant = "a", status = "done", id = "R-1" },
      { fleet = "F-other", tenant = "b", status = "done" },
    }
    local _, _, asked = perform(fleet, {})
    assert.same({ "b", "c" }, asked)
  end)

  it("is not unfinished when it only looked and found something, or when its runs are settled", function()
    local fleet = create { tenants = { "a", "b" }, keep_going = true }
    perform(fleet, { a = "failed", b = "failed" })
    local a = { fleet = fleet.id, tenant = "a", status = "failed", id = "R-1", changed = 0, seconds = 0 }
    local b = { fleet = fleet.id, tenant = "b", status = "failed", id = "R-2", changed = 0, seconds = 0 }
    past = { a, b }
    assert.same({}, fleets.unfinished(store))
    a.begun = true
    assert.equal(fleet.id, fleets.unfinished(store)[1].id)
    a.overtaken, b.undone = "R-3", "R-4"
    assert.same({}, fleets.unfinished(store))
    a.overtaken, a.dismissed = nil, {}
    assert.same({}, fleets.unfinished(store))
    a.dismissed, a.status = nil, "running"
    assert.same({}, fleets.unfinished(store))
    assert.equal("running", fleets.list(store)[1].status)
  end)

  it("is not unfinished either when it was interrupted before any of its runs wrote something", function()
    local fleet = create { tenants = { "a", "b", "c" } }
    perform(fleet, { b = "interrupted" })
    local a = { fleet = fleet.id, tenant = "a", status = "done", id = "R-1", changed = 0, seconds = 0 }
    local b = { fleet = fleet.id, tenant = "b", status = "interrupted", id = "R-2", changed = 0, seconds = 0 }
    past = { a, b }
    assert.same({}, fleets.unfinished(store))
    a.begun = true -- c is still to come
    assert.equal(fleet.id, fleets.unfinished(store)[1].id)
  end)

  it("leaves a dismissed run alone, unless the whole was dismissed", function()
    local fleet = create { tenants = { "a", "b" } }
    past = { { fleet = fleet.id, tenant = "a", status = "failed", begun = true, id = "R-1", dismissed = {} } }
    local words, _, asked = perform(fleet, {})
    assert.same({ { "b" }, "a dismissed" }, { asked, words[1] })
    fleet.dismissed = { reason = "x" }
    _, _, asked = perform(fleet, {})
    assert.same({ "a", "b" }, asked)
    assert.is_nil(fleets.read(store, fleet.id).dismissed)
  end)

  it("is unfinished until it is done; only the newest of a runbook counts", function()
    local first = create()
    perform(first, { a = "failed" })
    past = { { fleet = first.id, tenant = "a", status = "failed", begun = true, id = "R-1" } }
    assert.equal(first.id, fleets.unfinished(store)[1].id)
    perform(create { tenants = { "a", "b" } }, {})
    assert.equal(first.id, fleets.unfinished(store)[1].id) -- c is still to do
    perform(create(), {})
    assert.same({}, fleets.unfinished(store))
  end)
end)
