-- A run in which one call of the C library fails: memory, the disk, the network. It ends in words and not in a crash,
-- and a resume, or the same command again, brings it to the right end.

local build = require "tests.support.build"
local faults = require "tests.support.faults"
local fs = require "o2x.base.fs"
local labs = require "tests.support.lab"
local toys = require "tests.support.toy"

if build.sanitized then return end

-- O2X_SWEEP=1 strikes at every call, and not only at some of the many.
local EVERY <const> = os.getenv "O2X_SWEEP" == "1"

local EVERYTHING = {
  ["number-1"] = { owner = "alpha", number = 1 },
  house = { owner = "alpha" },
  roof = { colour = "red" },
  ["room-1"] = { name = "1", chairs = 4 },
  ["room-2"] = { name = "2", chairs = 4 },
  ["room-3"] = { name = "3", chairs = 4 },
  sign = { text = "Alpha Ltd at 1" },
}

-- The next call to strike at: all of the first ones, then ever fewer.
local function after(n, dense) return EVERY and n + 1 or n + math.max(1, (n - dense) // 4) end

local function plain(result, where)
  assert.is_nil(result.signal, where .. "\n" .. result.stderr)
  assert.is_nil(result.stderr:find("stack traceback", 1, true), where .. "\n" .. result.stderr)
  assert.is_true(result.code == 0 or result.stderr:find("o2x: ", 1, true) ~= nil, where .. "\n" .. result.stderr)
end

-- After a fault: what is unfinished is resumed, what never began is run.
local function finish(o2x, run, where)
  local resumed = o2x { "resume" }
  if resumed.code == 0 then return end
  assert.is_truthy(
    resumed.stderr:find("no unfinished run", 1, true) or resumed.stderr:find("never started", 1, true),
    where .. "\n" .. resumed.stderr
  )
  local again = o2x(run)
  assert.equal(0, again.code, where .. "\n" .. again.stderr)
end

describe("a run on the toy platform survives", function()
  local toy
  setup(function() toy = toys.new() end)
  teardown(function()
    toy:__close()
    faults.forget()
  end)

  for _, fault in ipairs {
    { "write", "ENOSPC" },
    { "write", "EIO" },
    { "write", "ENOSPC", true },
    { "fsync", "EIO" },
    { "fsync", "EIO", true },
    { "rename", "EIO" },
    { "malloc", "ENOMEM" },
    { "malloc", "ENOMEM", true },
  } do
    local call, name, on = table.unpack(fault)
    it(("%s of a %s%s"):format(name, call, on and ", and of all later ones" or ""), function()
      local n = 1
      repeat
        local where = ("%s %d: %s"):format(call, n, name)
        toy:reset()
        local env, struck = faults.env(call, n, name, on)
        local result = toy:o2x({ "run", "build", "alpha" }, env)
        plain(result, where)
        local hit = struck()
        finish(function(words) return toy:o2x(words) end, { "run", "build", "alpha" }, where)
        assert.same(EVERYTHING, toy:holds(), where)
        n = after(n, call == "malloc" and 10 or 20)
      until not hit
      assert.is_true(n > 2)
    end)
  end
end)

local RUNBOOK <const> = [[
local broker = require "o2x.broker"
local pg = require "o2x.pg"
local redis = require "o2x.redis"
local vault = require "o2x.vault"

return require "o2x.runbook" {
  name = "sweep", version = "1.0.0", api = 1, summary = "One effect in each of some systems",
  effects = { "pg:write", "vault:write", "broker:write", "redis:write" },
  run = function(tenant)
    step("Vault", function() vault.ensure("sweep", { a = "b" }) end)
    step("PostgreSQL", function()
      pg.tenant:ensure_row("core_config.tenant_profile", { tenantid = tenant.id }, { city = "Sweep" })
    end)
    step("Broker", function() broker.ensure_queue(tenant.id .. ".sweep") end)
    step("Redis", function() redis.clear(tenant.id .. ":sweep:") end)
  end,
}
]]

describe("a run in the lab survives", function()
  local lab, project
  setup(function()
    lab = labs.start()
    project = fs.temp_folder "/tmp/o2x-sweep-"
    fs.write(fs.join(project, "runbooks/sweep.lua"), RUNBOOK, { parents = true })
    assert(lab:run({ "ln", "-s", fs.realpath "stdlib", fs.join(project, "stdlib") }).code == 0)
  end)
  teardown(function()
    lab:stop()
    fs.remove_tree(project)
    faults.forget()
  end)

  local function o2x(words, env) return lab:o2x(words, { cwd = project, env = env }) end

  -- What the run brings about, taken away again.
  local function reset()
    lab:sql("coredb-urbanos", "update core_config.tenant_profile set city = 'Before'")
    lab:run { "sh", "-c", 'rm -rf "$1"/R-*', "sh", lab.store }
    lab:run { "redis-cli", "-u", lab.env.REDIS_URL, "--no-auth-warning", "set", "TIDLT-100005:sweep:1", "x" }
  end

  local function look(where)
    assert.equal("Sweep", lab:sql("coredb-urbanos", "select city from core_config.tenant_profile"), where)
    assert.equal("b", lab:vault("tenant/urbanos/sweep").a, where)
    local key = { "redis-cli", "-u", lab.env.REDIS_URL, "--no-auth-warning", "exists", "TIDLT-100005:sweep:1" }
    assert.equal("0\n", lab:run(key).stdout, where)
  end

  for _, fault in ipairs {
    { "connect", "ECONNREFUSED" },
    { "send", "ECONNRESET" },
    { "recv", "ECONNRESET" },
    { "recv", "ETIMEDOUT" },
  } do
    local call, name = table.unpack(fault)
    it(("%s of a %s"):format(name, call), function()
      local n = 1
      repeat
        local where = ("%s %d: %s"):format(call, n, name)
        reset()
        local env, struck = faults.env(call, n, name)
        local result = o2x({ "run", "sweep", "urbanos" }, env)
        plain(result, where)
        local hit = struck()
        if result.code ~= 0 then finish(o2x, { "run", "sweep", "urbanos" }, where) end
        look(where)
        n = after(n, 4)
      until not hit
      assert.is_true(n > 2)
    end)
  end
end)
