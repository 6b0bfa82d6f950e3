-- A system that stops answering in the middle of a look: a plan, an audit, a checklist. The look goes on, what cannot
-- be read is a line each, the first of them says which system it is, and nobody waits for that system again and again.
-- Some of all here; with O2X_PLANS=all (make plans) each of them.

local build = require "tests.support.build"
local json = require "o2x.base.json"
local labs = require "tests.support.lab"
local ok = require "tests.support.ok"
local relays = require "tests.support.relay"
local task = require "o2x.base.task"

local HASTE <const> = 5 -- times as fast does time pass for o2x

-- A relay in front of a server, that is silent from the nth turn on, or gone.
local function relayed(port, row)
  local relay, turns
  relay = relays.open {
    port = port,
    seconds = 0.005, -- else the turns cannot be counted
    on_turn = function()
      turns = (turns or 0) + 1
      if turns ~= row.nth then return end
      if row.kind == "refused" then
        task.spawn(relay.close, relay)
      else
        relay.silent = true
      end
    end,
  }
  return relay
end

local RELAYED <const> = {
  postgres = function(lab, env, row)
    local relay = relayed(tonumber(lab.env.PGPORT), row)
    env.PGPORT = tostring(relay.port)
    return relay
  end,
  redis = function(lab, env, row)
    local relay = relayed(tonumber(lab.env.REDIS_URL:match ":(%d+)/?%d*$"), row)
    env.REDIS_URL = lab.env.REDIS_URL:gsub(":%d+(/?%d*)$", (":%d%%1"):format(relay.port))
    return relay
  end,
}

-- What is looked at; the system that hangs or dies (refused) from its nth request or turn on; how many seconds one
-- request may take; what is said of it; how much is seen all the same, at least; the state, if the tenant is not there.
local ROWS <const> = {
  { "plan onboard newclient", "vault", nth = 4, deadline = 30, says = "Vault at http", seen = 70, absent = true },
  { "plan onboard newclient", "k8s", nth = 8, deadline = 30, says = "Kubernetes at https", seen = 75, absent = true },
  { "plan onboard newclient", "aws", nth = 2, deadline = 60, says = "AWS at http", seen = 75, absent = true },
  { "plan onboard newclient", "broker", nth = 2, deadline = 60, says = "broker: no answer", seen = 75, absent = true },
  { "plan onboard newclient", "postgres", nth = 4, deadline = 70, says = "PostgreSQL at ", seen = 12, absent = true },
  { "plan onboard newclient", "postgres", nth = 15, deadline = 70, says = "PostgreSQL at ", seen = 50, absent = true },
  { "plan onboard newclient", "dns", kind = "silent", deadline = 60, says = "", seen = 84, absent = true },
  { "plan onboard newclient", "k8s", nth = 8, kind = "refused", says = "127.0.0.1", seen = 75, absent = true },
  { "plan onboard newclient", "vault", nth = 4, kind = "refused", says = "127.0.0.1", seen = 70, absent = true },
  {
    "plan onboard newclient",
    "postgres",
    nth = 4,
    kind = "refused",
    says = "PostgreSQL at ",
    seen = 12,
    absent = true,
  },
  {
    "plan onboard newclient",
    "postgres",
    nth = 8,
    kind = "refused",
    says = "PostgreSQL at ",
    seen = 12,
    absent = true,
  },
  {
    "plan onboard newclient",
    "postgres",
    nth = 16,
    kind = "refused",
    says = "PostgreSQL at ",
    seen = 70,
    absent = true,
  },
  { "plan cache-clear newclient", "redis", nth = 2, deadline = 60, says = "redis: no answer", seen = 0 },
  { "plan diagnose newclient", "k8s", nth = 30, deadline = 30, says = "Kubernetes at https", seen = 0 },
  { "audit newclient", "k8s", nth = 8, deadline = 30, says = "Kubernetes at https", seen = 50 },
  { "audit newclient", "postgres", nth = 8, deadline = 70, says = "PostgreSQL at ", seen = 50 },
  { "guide onboard newclient", "k8s", nth = 8, deadline = 30, says = "Kubernetes at https", seen = 0 },
}
local OWN <const> = 60 -- seconds that a look takes by itself, on a machine that does other things

-- How much a look has seen: changes of a plan, effects of an audit that are as they should be.
local function seen_by(data)
  return data.changes and #data.changes or data.tenants and data.tenants[1].as_it_should_be or 0
end

local function set_fault(lab, row)
  if row.kind == "silent" then return ok(lab:o2x { "lab", "fault", row[2], row.kind }) end
  local seconds = row.kind == "refused" and 1000 or nil
  lab.memory:fault { service = row[2], kind = row.kind or "hang", nth = row.nth, times = 100000, seconds = seconds }
end

describe("a system that stops answering in the middle", function()
  local lab
  setup(function()
    lab = labs.in_memory()
    lab.memory:snapshot "absent"
    ok(lab:o2x { "run", "onboard", "newclient" })
    lab.memory:snapshot "present"
  end)
  teardown(function()
    if lab then lab:stop() end
  end)

  -- -> result, seconds as o2x counts them
  local function look(words, env)
    local list = { build.dev, "tests/support/hastened.lua", tostring(HASTE) }
    for word in words:gmatch "%S+" do
      list[#list + 1] = word
    end
    list[#list + 1] = "--json"
    local start = task.now()
    local result = lab:run(list, { env = env })
    return result, (task.now() - start) * HASTE
  end

  for i, row in ipairs(ROWS) do
    local wanted = i % 4 == 2 or os.getenv "O2X_PLANS" == "all"
    local it = wanted and it or function() end
    it(("%s: %s %s, from its request %d on"):format(row[1], row[2], row.kind or "hangs", row.nth or 1), function()
      lab.memory:restore(row.absent and "absent" or "present")
      local env = {}
      local relay <close> = RELAYED[row[2]] and RELAYED[row[2]](lab, env, row) or nil
      if not relay then set_fault(lab, row) end
      local result, seconds = look(row[1], env)
      assert.is_nil(result.stderr:find("traceback", 1, true), result.stderr)
      local data = json.decode(result.stdout)
      assert.truthy((result.stdout .. result.stderr):find(row.says, 1, true), result.stderr)
      local first = data.problems and data.problems[1]
      if first and first.error then assert.truthy(first.error.message:find(row.says, 1, true), first.error.message) end
      assert.is_true(seen_by(data) >= row.seen, ("%d seen"):format(seen_by(data)))
      local most = 2 * (row.deadline or 15) + OWN
      assert.is_true(seconds < most, ("%.0f s"):format(seconds))
    end)
  end
end)
