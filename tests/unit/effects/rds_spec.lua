local api = require "tests.support.api"

local SCOPE <const> = { rds = { instance = "db-1" } }
local OWN <const> = "acme-manual-20260210-120000"

-- RDS with these snapshots and servers: id → fields; what is created becomes available at the second look.
local function rds(snapshots, instances)
  local function look(map, id)
    local found = map[id]
    if found and found.status == "creating" then
      if found.seen then found.status = "available" end
      found.seen = true
    end
    if found and found.status == "deleting" then
      if found.seen then map[id] = nil end
      found.seen = true
    end
    return map[id]
  end
  return {
    snapshots = function()
      local list = {}
      for _, one in pairs(snapshots) do
        list[#list + 1] = one
      end
      table.sort(list, function(a, b) return a.created < b.created end)
      return list
    end,
    snapshot = function(_, id) return look(snapshots, id) end,
    create_snapshot = function(_, id, instance, tags)
      snapshots[id] =
        { id = id, instance = instance, tags = tags, status = "creating", created = "2026-02-10T12:00:00Z" }
    end,
    delete_snapshot = function(_, id) snapshots[id] = nil end,
    instance = function(_, id) return look(instances, id) end,
    restore_instance = function(_, id, snapshot, like, tags)
      assert(snapshot and like.class)
      instances[id] = { id = id, tags = tags, status = "creating", address = id .. ".example.com", port = 5432 }
    end,
    delete_instance = function(_, id)
      instances[id].status, instances[id].seen = "deleting", nil
    end,
  }
end

local function snapshot(id, fields)
  local one = { id = id, instance = "db-1", status = "available", type = "manual", created = "2026-02-10T12:00:00Z" }
  for name, value in pairs(fields or {}) do
    one[name] = value
  end
  return one
end

local function open(snapshots, instances)
  local by_id = {}
  for _, one in ipairs(snapshots or {}) do
    by_id[one.id] = one
  end
  return api("rds", { clients = { rds = rds(by_id, instances or {}) }, scope = SCOPE }), by_id
end

local function refused(kind, fn, ...)
  local ok, err = pcall(fn, ...)
  assert.is_false(ok)
  assert.equal(kind, err.kind)
end

describe("the snapshots of a tenant", function()
  it("are its own and the server's automated ones", function()
    local lib = open {
      snapshot(OWN),
      snapshot("rds:db-1-2026-02-10", { type = "automated", created = "2026-02-09T12:00:00Z" }),
      snapshot("other-manual-20260210-120000"),
      snapshot("acme-sbx-manual-20260210-120000"),
      snapshot("acme-manual-20260101-000000", { instance = "db-2" }),
    }
    local ids = {}
    for i, one in ipairs(lib.snapshots()) do
      ids[i] = one.id
    end
    assert.same({ "rds:db-1-2026-02-10", OWN }, ids)
  end)

  it("are found by name, others refused", function()
    local lib = open { snapshot(OWN), snapshot("other-manual-20260210-120000") }
    assert.equal(OWN, lib.find(OWN).id)
    refused("refused", lib.find, "other-manual-20260210-120000")
    refused("input", lib.find, "nosuch")
  end)

  it("have a newest before a time", function()
    local old, new = snapshot("acme-manual-20260101-000000", { created = "2026-01-01T00:00:00Z" }), snapshot(OWN)
    local lib = open { old, new }
    assert.equal(old.id, lib.newest_before(1769904000).id)
    assert.is_nil(lib.newest_before(0))
  end)
end)

describe("rds.ensure_snapshot", function()
  it("makes one under the tenant's name and waits for it", function()
    local lib, by_id = open {}
    assert.equal("created", lib.ensure_snapshot(OWN))
    assert.equal("available", by_id[OWN].status)
    assert.same({ tenant = "acme", ["o2x:run"] = "R-1" }, by_id[OWN].tags)
    assert.equal("unchanged", lib.ensure_snapshot(OWN))
  end)

  it("makes none under another name", function()
    local lib = open {}
    for _, id in ipairs { "other-manual-20260210-120000", "acme-manual-x", "acme" } do
      refused("refused", lib.ensure_snapshot, id)
    end
  end)

  it("says that RDS could not make it", function()
    local lib = open { snapshot(OWN, { status = "failed" }) }
    refused("failed", lib.ensure_snapshot, OWN)
  end)
end)

describe("a temporary server", function()
  local like = { id = "db-1", class = "db.m6g.large", tags = {}, status = "available" }

  it("is made from a snapshot, and removed again", function()
    local instances = { ["db-1"] = like }
    local lib = open({ snapshot(OWN) }, instances)
    assert.equal("o2x-restore-r-1.example.com", lib.ensure_server(OWN).address)
    assert.equal(OWN, instances["o2x-restore-r-1"].tags["o2x:snapshot"])
    lib.remove_server()
    assert.is_nil(instances["o2x-restore-r-1"])
    assert.equal(like, instances["db-1"])
  end)

  it("is never one of another run", function()
    local other = { id = "o2x-restore-r-1", tags = { ["o2x:run"] = "R-2" }, status = "available" }
    local lib = open({ snapshot(OWN) }, { ["db-1"] = like, ["o2x-restore-r-1"] = other })
    refused("conflict", lib.ensure_server, OWN)
    refused("conflict", lib.remove_server)
  end)
end)
