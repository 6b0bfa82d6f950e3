-- What a tenant file or a script says of an id is believed only if the registry holds the same.

local errors = require "o2x.base.error"
local raised = require "tests.support.raised"
local registration = require "o2x.engine.registration"

local PLACE <const> = {
  database = "control",
  admin = "postgres",
  table = "core.tenant",
  name = "name",
  id = "id",
  others = { { "vaultpath", "tenant/acme" }, { "name", "shop" } },
  by_id = { "redis", "s3" },
}

-- A run for acme over these rows of the registry: what matches, and what is held for the name.
local function run_of(o)
  local run = {
    said = {},
    asked = {},
    tenant = { name = "acme", id = o.id },
    platform = {
      registry = not o.none and function() return o.place or PLACE end or nil,
      witness = function() return o.witness end,
    },
  }
  run.ctx = { log = function(_, level, message) run.said[#run.said + 1] = level .. " " .. message end }
  local function rows()
    if o.down then errors.raise { kind = o.down, message = "no route to the registry" } end
    local found = {}
    for _, row in ipairs(o.rows or {}) do
      for _, pair in ipairs(run.asked[#run.asked].any) do
        if row[pair[1]] == pair[2] then found[#found + 1] = row end
      end
    end
    return found
  end
  run.gate = {
    type_of = function()
      return {
        read = function(_, target)
          run.asked[#run.asked + 1] = target
          return rows()
        end,
      }
    end,
    read = function(_, kind, target)
      if kind == "pg.matching" then
        run.asked[#run.asked + 1] = target
        return rows()
      end
      if o.down then errors.raise { kind = o.down, message = "no route to the registry" } end
      for _, row in ipairs(o.rows or {}) do
        if row.name == target.key.name then return { id = row.id } end
      end
    end,
  }
  run.registration = registration.new(run)
  return run
end

local ACME <const> = { name = "acme", id = "T-1", vaultpath = "tenant/acme" }

describe("before the first step", function()
  it("a tenant whose file has no id gets the registry's", function()
    local run = run_of { rows = { ACME } }
    run.registration:check()
    assert.equal("T-1", run.tenant.id)
    run.registration:confirm "T-1"
    run.registration:require "redis.keys"
    assert.equal(1, #run.asked)
  end)

  local cases = {
    { "the registry has the name and the id", { id = "T-1", rows = { ACME } } },
    { "the registry has the name, the file has no id", { rows = { ACME } } },
    { "neither is there yet", {} },
    {
      "the name has another id",
      { id = "T-2", rows = { ACME } },
      "the registry has acme as T%-1, the tenant file says T%-2",
    },
    {
      "the id has another name",
      { id = "T-2", rows = { { name = "zeta", id = "T-2" } } },
      "T%-2 belongs to zeta in the registry, not to acme",
    },
    {
      "both are there, apart",
      { id = "T-2", rows = { ACME, { name = "zeta", id = "T-2" } } },
      "the registry has",
    },
    {
      "the file has an id, the registry does not know the name",
      { id = "T-1" },
      "the registry has no acme, but the tenant file says T%-1",
    },
    {
      "another has the Vault path",
      { rows = { { name = "zeta", id = "T-2", vaultpath = "tenant/acme" } } },
      "vaultpath tenant/acme belongs to zeta %(T%-2%)",
    },
    {
      "another has the name that the domain would be",
      { id = "T-1", rows = { ACME, { name = "shop", id = "T-3" } } },
      "name shop belongs to shop %(T%-3%)",
    },
  }
  for _, case in ipairs(cases) do
    it((case[3] and "refuses: " or "goes on: ") .. case[1], function()
      local run = run_of(case[2])
      if not case[3] then return run.registration:check() end
      local problem = raised(run.registration.check, run.registration)
      assert.equal("refused", problem.kind)
      assert.matches(case[3], problem.message)
      assert.matches("tenants/acme.yaml", problem.where)
    end)
  end

  it("asks once, for all at once", function()
    local run = run_of { id = "T-1", rows = { ACME } }
    run.registration:check()
    assert.equal(1, #run.asked)
    assert.same({ "name", "id", "vaultpath" }, run.asked[1].columns)
  end)

  it("goes on without an answer, and says what that means", function()
    local run = run_of { id = "T-1", down = "unreachable" }
    run.registration:check()
    assert.matches("^warn the registry does not say whether T%-1 is acme's, .* cannot change redis, s3", run.said[1])
  end)

  it("asks nobody where the platform has no registry", function()
    local run = run_of { none = true, down = "unreachable" }
    run.registration:check()
    run.registration:confirm "anything"
    run.registration:require "redis.keys"
    assert.same({}, run.asked)
  end)

  it("ends where the run was cancelled", function()
    local run = run_of { down = "cancelled" }
    assert.equal("cancelled", raised(run.registration.check, run.registration).kind)
  end)
end)

describe("an id that a script gives to the tenant", function()
  local function confirm(o, id)
    local run = run_of(o)
    run.registration:confirm(id)
    return run
  end

  local function target_of(changes)
    local target = { database = "control", table = "core.tenant", column = "id", key = { name = "acme" } }
    for field, item in pairs(changes or {}) do
      target[field] = item
    end
    return target
  end

  it("is taken without a question if this run has just allocated it for the tenant's name", function()
    local run = run_of { down = "bug" }
    run.registration:hear("pg.allocated", target_of(), { id = "T-1" })
    run.registration:confirm "T-1"
    run.registration:require "redis.keys"
    assert.same({}, run.said)
  end)

  -- What a run may write that is no allocation of the tenant's id: the registry is asked, and does not have it.
  local NOT_HEARD <const> = {
    { "another effect", "pg.row", target_of(), { id = "T-1" } },
    { "another database", "pg.allocated", target_of { database = "acme" }, { id = "T-1" } },
    { "another table", "pg.allocated", target_of { table = "core.other" }, { id = "T-1" } },
    { "another column", "pg.allocated", target_of { column = "number" }, { id = "T-1" } },
    { "another name", "pg.allocated", target_of { key = { name = "zeta" } }, { id = "T-1" } },
    { "one more field", "pg.allocated", target_of { key = { name = "acme", kind = "x" } }, { id = "T-1" } },
    { "another field", "pg.allocated", target_of { key = { vaultpath = "acme" } }, { id = "T-1" } },
    { "another id", "pg.allocated", target_of(), { id = "T-2" } },
    { "a row without it", "pg.allocated", target_of(), {} },
    { "a removed row", "pg.allocated", target_of(), nil },
  }
  for _, case in ipairs(NOT_HEARD) do
    it("is asked for after " .. case[1], function()
      local run = run_of { rows = {} }
      run.registration:hear(case[2], case[3], case[4])
      local problem = raised(run.registration.confirm, run.registration, "T-1")
      assert.matches("in the registry, there is no acme", problem.message)
    end)
  end

  it("is asked for again once its row was removed", function()
    local run = run_of { rows = {} }
    run.registration:hear("pg.allocated", target_of(), { id = "T-1" })
    run.registration:hear("pg.allocated", target_of(), nil)
    assert.equal("refused", raised(run.registration.confirm, run.registration, "T-1").kind)
  end)

  it("is taken if the registry holds it", function() confirm({ rows = { ACME } }, "T-1") end)

  for _, case in ipairs {
    { "another tenant's", { rows = { ACME, { name = "zeta", id = "T-2" } } }, "T-2", "acme has T%-1" },
    { "one that nobody has", { rows = { ACME } }, "T-9", "acme has T%-1" },
    { "one of a tenant that is not registered", { rows = {} }, "T-1", "there is no acme" },
    { "one that cannot be looked up", { down = "unreachable" }, "T-1", "does not answer" },
    { "not what its services have", { down = "unreachable", witness = "T-2" }, "T-1", "acme has T%-2" },
    { "one after a broken answer", { down = "failed", witness = "T-1" }, "T-1", "no route" },
  } do
    it("is refused: " .. case[1], function()
      local problem = raised(confirm, case[2], case[3])
      assert.matches(case[4], problem.message)
    end)
  end

  it("is good for reading only, where just the services have it", function()
    local run = confirm({ down = "unreachable", witness = "T-1" }, "T-1")
    run.tenant.id = "T-1"
    assert.equal("refused", raised(run.registration.require, run.registration, "redis.keys").kind)
    run.registration:require "k8s.object"
  end)
end)

describe("an audit while the registry does not answer", function()
  local row = { database = "control", table = "core.tenant", column = "id", key = { name = "acme" } }

  it("takes the id from the services, for the registry's own row of the tenant", function()
    local registered = run_of({ down = "unreachable", witness = "T-1" }).registration
    assert.same({ id = "T-1", name = "acme" }, registered:witnessed(row))
    for field, other in pairs { database = "own", table = "core.other", column = "no", key = { name = "shop" } } do
      local target = { database = row.database, table = row.table, column = row.column, key = row.key }
      target[field] = other
      assert.is_nil(registered:witnessed(target))
    end
  end)

  it("has none where no service has one, or where there is no registry", function()
    assert.is_nil(run_of({ down = "unreachable" }).registration:witnessed(row))
    assert.is_nil(run_of({ none = true, witness = "T-1" }).registration:witnessed(row))
  end)

  it("looks at what the id names; a plan and a broken answer do not let it", function()
    for _, case in ipairs { { "unreachable", true }, { "unreachable", false }, { "failed", true } } do
      local run = run_of { down = case[1], witness = "T-1" }
      run.auditing, run.tenant.id = case[2], "T-1"
      local may = pcall(run.registration.require, run.registration, "redis.keys")
      assert.equal(case[1] == "unreachable" and case[2], may)
    end
  end)
end)

describe("a write by the id", function()
  it("needs a registry that has confirmed the id", function()
    for _, o in ipairs { { id = "T-1", down = "unreachable" }, { id = "T-1", down = "failed" } } do
      local run = run_of(o)
      run.registration:check()
      for _, kind in ipairs { "redis.keys", "s3.object" } do
        local problem = raised(run.registration.require, run.registration, kind)
        assert.equal("refused", problem.kind)
        assert.matches("psql %-d control", problem.hint)
      end
      run.registration:require "vault.secret"
    end
  end)

  it("of any sort needs a registry that has said whose a stated domain is", function()
    local place = {}
    for name, item in pairs(PLACE) do
      place[name] = item
    end
    place.others = { { "name", "mall", claim = "domain x.mall.example.com", field = "domain" } }
    for _, id in ipairs { "T-1", false } do
      local o = { id = id or nil, rows = { ACME }, place = place, down = "unreachable" }
      local run = run_of(o)
      run.registration:check()
      local problem = raised(run.registration.require, run.registration, "dns.record")
      assert.equal("refused", problem.kind)
      assert.matches("dns.record: whether domain x.mall.example.com is acme's is not certain", problem.message)
      o.down = nil
      run.registration:require "dns.record"
      o.rows = { ACME, { name = "mall", id = "T-7" } }
      problem = raised(run_of(o).registration.check, run_of(o).registration)
      assert.matches("^domain x.mall.example.com belongs to mall %(T%-7%)", problem.message)
    end
  end)

  it("is done when the registry answers later", function()
    local o = { id = "T-1", rows = { ACME }, down = "unreachable" }
    local run = run_of(o)
    run.registration:check()
    o.down = nil
    run.registration:require "redis.keys"
    assert.equal(2, #run.asked)
    run.registration:require "redis.keys"
    assert.equal(2, #run.asked)
  end)
end)

describe("an id that the tenant's own journal remembers", function()
  it("is the tenant's again while the registry has no row of it", function()
    local run = run_of { rows = {} }
    assert.is_true(run.registration:check())
    run.registration:remember "T-1"
    assert.equal("T-1", run.tenant.id)
    run.registration:require "redis.keys"
  end)

  it("is refused when another tenant has it", function()
    local run = run_of { rows = { { name = "other", id = "T-1", vaultpath = "tenant/other" } } }
    run.registration:check()
    local problem = raised(run.registration.remember, run.registration, "T-1")
    assert.equal("refused", problem.kind)
    assert.truthy(problem.message:find("T-1 belongs to other", 1, true))
  end)
end)
