-- A plan sends nothing but reads: each shipped runbook is planned in labs in several states, while PostgreSQL logs all
-- statements, the HTTP servers all requests, Redis all commands, and the kernel says what happens to files. In between,
-- the ordinary clients look at everything: it is equal to the byte before and after. Each row is planned in one of the
-- states; with O2X_PLANS=all (make plans) in each of them.

local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local labs = require "tests.support.lab"
local ok = require "tests.support.ok"
local pictures = require "tests.support.picture"
local witness = require "tests.support.witness"

-- What is planned; {dir} is the lab's folder, {tenant} the state's tenant. A plan that meets a problem exits with
-- another code than 0, and reads no less.
local EVERYWHERE <const> = {
  "onboard {tenant}",
  "onboard {tenant} --out={dir}/onboard.plan",
  "onboard {tenant} from=shm admin=reset",
  "onboard {tenant} image=v2.6.0 --json",
  "smoke {tenant}",
  "smoke {tenant} junit={dir}/smoke.xml",
  "diagnose {tenant}",
  "deploy {tenant}",
  "deploy {tenant} image=v2.5.1 --out={dir}/deploy.plan",
  "deploy {tenant} services=service-sso,tax-gateway",
  "rollback {tenant}",
  "rollback {tenant} services=service-sso to=1",
  "scale {tenant}",
  "scale {tenant} service=service-sso replicas=4 permanent=true force=true",
  "scale {tenant} service=all replicas=0 force=true",
  "maintenance {tenant} mode=on for=30m",
  "maintenance {tenant} mode=off",
  "maintenance {tenant} mode=status",
  "cache-clear {tenant}",
  "cache-clear {tenant} part=session --out={dir}/cache.plan",
  "vacuum {tenant} days=0",
  "backup {tenant}",
  "backup {tenant} to={dir}/new.dump",
  "backup {tenant} to=s3://embrix-development-data/TIDLT-100005/new.dump snapshot=true",
  "backup {tenant} list=true",
  "restore {tenant} archive={dir}/urbanos.dump",
  "restore {tenant} archive={dir}/urbanos.dump table=core_config.users",
  "restore {tenant} at=2099-01-01T00:00:00Z",
  "migrations-repair {tenant}",
  "restart {tenant} services=service-sso",
  "restart {tenant} services=all --out={dir}/restart.plan",
  "logs {tenant}",
  "logs {tenant} services=service-sso lines=5 match=error --json",
  "logs {tenant} previous=true",
  "adopt {tenant}",
  "adopt {tenant} admin=reset --out={dir}/adopt.plan",
}

local FLEET <const> = {
  "onboard --tenants=newclient,acme-sbx --out={dir}/fleet.plan",
  "onboard coopeg-prd", -- it has a runbook of its own
  "deploy --tenants=all",
  "backup --tenants=all --out={dir}/backups.plan",
}

local function by_hand(lab)
  ok(lab:o2x { "run", "onboard", "newclient" })
  lab:o2x { "run", "maintenance", "newclient", "mode=on", "--confirm=newclient" }
  ok(lab:o2x { "run", "maintenance", "newclient", "mode=off", "--confirm=newclient" })
  ok(lab:o2x { "run", "deploy", "newclient", "services=service-sso", "image=v2.5.1", "--confirm=newclient" })
  lab:out("kubectl", "delete", "deployment", "newclient-service-usage")
  lab:out("kubectl", "scale", "deployment", "newclient-service-billing", "--replicas=0")
  lab:out("kubectl", "annotate", "ingress", "newclient-ingress", "theirs=1")
  lab:out("helm", "uninstall", "newclient-tax-gateway")
  lab:sql("enginedevdb", "update core_config.tenant set status = 'SUSPENDED' where name = 'newclient'")
  lab:sql("coredb-newclient", "delete from core_config.users")
  lab:sql("coredb-newclient", "delete from public.flyway_schema_history where installed_rank > 3")
  fs.remove(fs.join(lab.platform, "core/helm_values/newclient/service-invoice.yaml"))
end

local STATES <const> = {
  { name = "of a tenant that is not there yet", tenant = "newclient", more = FLEET },
  { name = "of a tenant that runs", tenant = "urbanos" },
  { name = "of a tenant that somebody worked on by hand", tenant = "newclient", prepare = by_hand },
}

-- What may change beside the platform: the cache of rendered charts, the file that the plan was asked for, and, once,
-- the run store's key, with which the tags of secrets in that file are made. Temporary files are gone.
local function allowed(words)
  return function(folder, path, event)
    if folder == "home" then return path == "" or path == ".cache" or path:find "^%.cache/o2x" ~= nil end
    if folder == "temporary" then return path == "" or event ~= nil end
    return folder == "runs"
      and words:find("--out=", 1, true)
      and (path == "" or path == "key" or event ~= nil and path:find "^%.o2x%-" ~= nil)
  end
end

-- By the runbooks' files: none may be forgotten here.
local function shipped()
  local names = {}
  for _, name in ipairs(fs.list "runbooks") do
    names[#names + 1] = name:match "^([%w-]+)%.lua$"
  end
  return names
end

describe("a plan writes nothing", function()
  local lab, watch
  setup(function()
    lab = labs.start()
    watch = witness.new(lab)
  end)
  teardown(function()
    if watch then watch:close() end
    lab:stop()
  end)

  for n, state in ipairs(STATES) do
    local rows, before = {}, nil
    for i, row in ipairs(EVERYWHERE) do
      if os.getenv "O2X_PLANS" == "all" or i % #STATES == n - 1 then rows[#rows + 1] = row end
    end
    for _, row in ipairs(state.more or {}) do
      rows[#rows + 1] = row
    end

    it(state.name .. ": the state is made", function()
      if not fs.exists(lab.dir .. "/urbanos.dump") then
        ok(lab:o2x { "run", "backup", "urbanos", "to=" .. lab.dir .. "/urbanos.dump", "snapshot=true" })
        fs.remove_tree(lab.store) -- a plan is the first that uses the run store
      end
      if state.prepare then state.prepare(lab) end
      before = pictures.of(lab)
    end)

    for _, row in ipairs(rows) do
      it(("%s: %s"):format(state.name, row), function()
        local words = { "plan" }
        for word in row:gsub("{(%w+)}", { dir = lab.dir, tenant = state.tenant }):gmatch "%S+" do
          words[#words + 1] = word
        end
        watch:begin()
        local result = watch:o2x(words)
        assert.is_true(result.code == 0 or result.code == 1 or result.code == 3, result.stderr)
        assert.is_nil(result.stderr:find("traceback", 1, true), result.stderr)
        assert.is_true(watch:count().postgres > 0, "nothing was seen")
        assert.same({}, watch:writes(allowed(row)))
      end)
    end

    it(state.name .. ": everything is as it was", function()
      local after = pictures.of(lab)
      assert.same({}, pictures.differences(before, after))
      assert.is_true(#after.databases > 0 and #after.objects > 0 and #after.vault > 0)
    end)
  end

  it("each of the shipped runbooks", function()
    local rows, missing = table.concat(EVERYWHERE, "\n") .. "\n", {}
    for _, name in ipairs(shipped()) do
      if name ~= "hooks" and not ("\n" .. rows):find("\n" .. name .. " {tenant}", 1, true) then
        missing[#missing + 1] = name
      end
    end
    assert.same({}, missing)
  end)

  it("which is seen: a file that was there for a moment", function()
    watch:begin()
    local path = fs.join(lab.platform, "core/passing")
    lab:out("sh", "-c", ("echo x > %s && chmod 600 %s && rm %s"):format(path, path, path))
    local seen = watch:writes(function(_, _, event) return event == nil end)
    assert.same({
      "platform/core/passing: attributes",
      "platform/core/passing: create",
      "platform/core/passing: delete",
      "platform/core/passing: modify",
      "platform/core/passing: opened for writing",
    }, seen)
  end)

  it("which is seen: one write in each system, by the ordinary clients", function()
    local login = ("%s:%s"):format(lab.env.O2X_BROKER_USER, lab.env.O2X_BROKER_PASSWORD)
    local message = lab.env.O2X_BROKER_URL .. "/api/message/theirs?type=queue"
    local WRITES <const> = {
      postgres = { "psql", "-X", "-d", "enginedevdb", "-c", "create table theirs (id int)" },
      redis = { "redis-cli", "-u", lab.env.REDIS_URL, "SET", "theirs", "1" },
      vault = {
        "curl",
        "-sS",
        "-H",
        "X-Vault-Token: " .. lab.env.VAULT_TOKEN,
        "-d",
        json.encode { data = { a = "1" } },
        lab.env.VAULT_ADDR .. "/v1/secret/data/theirs",
      },
      k8s = { "kubectl", "annotate", "service", "urbanos-service-sso", "theirs=1" },
      broker = { "curl", "-sS", "-u", login, "-d", "body=1", message },
      platform = { "touch", "-c", fs.join(lab.platform, "platform.yaml") },
      runs = { "mkdir", fs.join(lab.store, "theirs") },
    }
    for system, argv in pairs(WRITES) do
      watch:begin()
      lab:out(table.unpack(argv))
      local seen = table.concat(watch:writes(function() return false end), "\n")
      assert.truthy(("\n" .. seen):find("\n" .. system, 1, true), system .. ": " .. seen)
    end
  end)
end)
