-- Rehearsals. One lab plays production: it is only read, none of its secrets leaves it, and what happens in a rehearsal
-- is what happens there.

local defer = require "o2x.base.defer"
local eventually = require "tests.support.eventually"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local labs = require "tests.support.lab"
local shell = require "o2x.base.shell"
local witness = require "tests.support.witness"

describe("rehearse", function()
  local lab
  local folder
  setup(function()
    lab = labs.start()
    folder = fs.temp_folder()
  end)
  teardown(function()
    lab:stop()
    fs.remove_tree(folder)
  end)

  local function rehearse(...)
    local result = lab:o2x({ "rehearse", ... }, { env = { TMPDIR = folder } })
    return result, result.stdout:find "^{" and json.decode(result.stdout) or nil
  end

  -- What a kept lab leaves, however the test ends.
  local function remove(data)
    for _, command in ipairs(data.commands) do
      local line = ("PATH=%s:$PATH; %s"):format(shell.quote(fs.folder(labs.O2X)), command)
      assert.equal(0, lab:run({ "sh", "-c", line }).code, command)
    end
  end

  -- All secrets of production that no file of the tree has: in Vault, and those that lead to the servers.
  local function secrets_of_production()
    local list = {}
    local function add(text)
      if type(text) == "string" and #text >= 6 then
        local found = lab:run { "grep", "-rqF", "-e", text, lab.platform }
        if found.code ~= 0 then list[#list + 1] = text end
      end
    end
    for _, name in ipairs { "license/onboarding", "quickbooks", "stripe", "avalara", "broadsoft", "salesforce" } do
      for _, text in pairs(lab:vault("tenant/urbanos/" .. name)) do
        add(text)
      end
    end
    local variables = { "PGPASSWORD", "VAULT_TOKEN", "AWS_SECRET_ACCESS_KEY", "REDISCLI_AUTH", "O2X_BROKER_PASSWORD" }
    for _, name in ipairs(variables) do
      add(lab.env[name])
    end
    for _, name in ipairs { "pg-secret", "app-vault-token" } do
      for _, text in pairs(lab:kubectl("get", "secret", name, "-o", "json").data) do
        add(text)
      end
    end
    return list
  end

  it("only reads production, and takes no secret of it along", function()
    local before = lab:snapshot "coredb-urbanos"
    local watch <close> = witness.new(lab)
    watch:begin()
    local result, data = rehearse("deploy", "urbanos", "image=v2.6.0", "--keep", "--json")
    assert.equal(0, result.code, result.stderr)
    local _kept <close> = defer(function() remove(data) end)
    local count = watch:count()
    for _, system in ipairs { "postgres", "vault", "k8s", "aws", "broker" } do
      assert.is_true((count[system] or 0) > 0, system)
    end
    -- the run store has a key, which makes the tags of secrets; of temporary files nothing is left
    local function allowed(where, path, event)
      if where == "temporary" then return event ~= nil end
      return where == "runs" and (path == "" or path == "key" or event ~= nil and path:find "^%.o2x%-" ~= nil)
    end
    assert.same({}, watch:writes(allowed))
    watch:close()
    assert.equal(before, lab:snapshot "coredb-urbanos")

    local list = secrets_of_production()
    assert.is_true(#list > 10)
    for _, text in ipairs(list) do
      local found = lab:run { "grep", "-rlaF", "-e", text, data.folder }
      assert.equal("", found.stdout)
      assert.is_nil((result.stdout .. result.stderr):find(text, 1, true))
    end
    remove(data)
    data.commands = {}
    assert.is_false(fs.exists(data.folder))
  end)

  it("says what would happen, and leaves nothing behind", function()
    local result, data = rehearse("scale", "urbanos", "service=service-billing", "replicas=3", "--json")
    assert.equal(0, result.code, result.stderr)
    assert.same({}, data.differs)
    assert.same({}, data.left)
    assert.equal(1, data.run.totals.change)
    assert.same({ 0, 0 }, { data.again.code, data.again.totals.change })
    assert.same({ 0, 1 }, { data.undo.code, data.undo.totals.change })
    assert.matches("urbanos%-service%-billing%s", lab:out("kubectl", "get", "deploy"))
    assert.is_nil(data.folder)
    assert.same({}, fs.list(folder))
  end)

  it("leaves the repository of a checkout in which runs commit as it is", function()
    local project = fs.temp_folder()
    local _remove <close> = defer(function() fs.remove_tree(project) end)
    local platform = project .. "/worktree"
    for _, name in ipairs { "runbooks", "stdlib" } do
      fs.copy_tree(name, fs.join(project, name))
    end
    fs.write(project .. "/o2x.yaml", "files:\n  git: commit\n")
    fs.write(project .. "/gitconfig", "[user]\n  name = Ann\n  email = ann@example.com\n")
    fs.copy_tree(lab.platform, project .. "/platform")
    local env = { GIT_CONFIG_GLOBAL = project .. "/gitconfig", O2X_PLATFORM = platform, O2X_LAB_DIR = "" }
    local function sh(script)
      local result = lab:run({ "sh", "-ec", script }, { cwd = project .. "/platform", env = env })
      assert.equal(0, result.code, result.stderr)
      return result.stdout
    end
    sh "git init -q; git add -A; git commit -qm first; git worktree add -q ../worktree"
    local function everything()
      return sh "git status -s; git -C ../worktree status -s; find . ../worktree -type f -exec sha256sum {} + | sort"
    end
    local before = everything()
    env.TMPDIR = folder
    local words = { "scale", "urbanos", "service=service-billing", "replicas=3", "permanent=true" }
    local planned = lab:o2x({ "plan", table.unpack(words) }, { cwd = project, env = env })
    assert.matches("it commits in " .. platform:gsub("%p", "%%%0") .. ": ", planned.stdout .. planned.stderr)
    local result = lab:o2x({ "rehearse", table.unpack(words) }, { cwd = project, env = env })
    assert.equal(0, result.code, result.stderr)
    assert.falsy((result.stdout .. result.stderr):find("committed", 1, true))
    assert.equal(before, everything())
  end)

  it("fails as production does", function()
    local result, data = rehearse("scale", "urbanos", "service=service-billing", "replicas=40", "--json")
    local there = lab:o2x { "run", "scale", "urbanos", "service=service-billing", "replicas=40" }
    assert.equal(there.code, result.code)
    assert.matches("runs with 2 to 3 replicas, not with 40", data and data.message or result.stderr)
  end)

  it("brings a tenant to life that is not there, with the id that it would get", function()
    local result, data = rehearse("onboard", "newclient", "--json")
    assert.equal(0, result.code, result.stderr)
    assert.same({}, data.differs)
    assert.equal(0, data.again.totals.change + data.again.totals.create)
    local ids = {}
    for _, effect in ipairs(data.run.effects) do
      if effect.kind == "pg.allocated" then ids[#ids + 1] = effect.after.id end
    end
    assert.same({ "TIDLT-100008" }, ids)
  end)

  -- ---- the same happens in production ----

  local SAME <const> = {
    { "rehearsal%-%x+", "(text)" },
    { "%(changed, [^)]*%)", "(changed)" },
    { "‹secret[^›]*›", "‹secret›" },
    { "%d%d%d%d%-%d%d%-%d%dT[%d:.]+Z", "(time)" },
    { "R%-%d+%-%d+%-%x+", "(run)" },
  }

  local function same(text)
    for _, each in ipairs(SAME) do
      text = text:gsub(each[1], each[2])
    end
    return text
  end

  -- Each effect of a run: where, what, with which outcome and which lines.
  local function effects_of(run)
    local list = {}
    for i, effect in ipairs(run.effects) do
      local words = { effect.step, effect.kind, effect.target, effect.outcome, table.concat(effect.diff or {}, "; ") }
      list[i] = same(table.concat(words, " | "))
    end
    table.sort(list)
    return list
  end

  -- Steps that run beside one that fails end there: how far they came is a matter of time.
  local function assert_same_but_for_the_end(there, here, failures)
    local function reached(run)
      local set = {}
      for _, line in ipairs(effects_of(run)) do
        set[line] = true
      end
      return set
    end
    local both, count = reached(here), 0
    for line in pairs(reached(there)) do
      if both[line] then count = count + 1 end
    end
    assert.is_true(count >= 70, ("%d effects are the same"):format(count))
    for _, run in ipairs { there, here } do
      local known = false
      for _, pattern in ipairs(failures) do
        known = known or run.error.message:find(pattern) ~= nil
      end
      assert.is_true(known, run.error.message)
    end
  end

  local function image(service, tag)
    local core = lab.platform .. "/core/"
    lab:run {
      "helm",
      "upgrade",
      "urbanos-" .. service,
      core .. "charts/" .. service,
      "-f",
      ("%shelm_values/urbanos/%s.yaml"):format(core, service),
      "--set",
      "image.tag=" .. tag,
    }
  end

  local function psql(text) lab:sql("coredb-urbanos", text) end

  -- What is odd about the tenant, how it came to be so, and what is rehearsed then; where two steps that run side by
  -- side fail, the messages of both.
  local ROWS = {
    {
      "a release that somebody upgraded, replicas and fields that somebody changed, a Service that is gone",
      function()
        image("service-billing", "v2.4.9")
        lab:out("kubectl", "scale", "deploy", "urbanos-tax-gateway", "--replicas=1")
        lab:out("kubectl", "set", "env", "deploy/urbanos-service-invoice", "FOO=bar")
        lab:out("kubectl", "delete", "service", "urbanos-service-usage")
      end,
      { "deploy", "urbanos" },
    },
    {
      "a release that failed",
      function()
        lab:o2x { "lab", "fault", "k8s", "helm-fails", "match=urbanos-service-payment" }
        image("service-payment", "v2.4.9")
      end,
      { "deploy", "urbanos", "services=service-payment" },
    },
    {
      "a release whose helm died",
      function()
        lab:o2x { "lab", "fault", "k8s", "helm-dies", "match=urbanos-service-revenue" }
        image("service-revenue", "v2.4.9")
      end,
      { "deploy", "urbanos", "services=service-revenue" },
    },
    { "an earlier revision", function() end, { "rollback", "urbanos", "services=service-billing" } },
    {
      "a scaled workload",
      function() end,
      { "scale", "urbanos", "service=service-usage", "replicas=3", "force=true" },
    },
    { "nothing odd", function() end, { "maintenance", "urbanos", "mode=on" } },
    { "maintenance", function() end, { "maintenance", "urbanos", "mode=off" } },
    {
      "objects that belong to others",
      function() end,
      { "onboard", "urbanos" },
      { "PrometheusRule urbanos%-alerts: fields are owned", "Vault has no secret 'admin' for urbanos" },
    },
    {
      "rows that were edited and removed, a secret that was changed, a queue that is gone",
      function()
        psql "update core_config.tenant_profile set city = 'Nowhere'"
        psql "delete from core_config.tenant_property_defaults"
        lab:run {
          "curl",
          "-sS",
          "-X",
          "POST",
          "-H",
          "X-Vault-Token: " .. lab.env.VAULT_TOKEN,
          lab.env.VAULT_ADDR .. "/v1/secret/data/tenant/urbanos/stripe",
          "-d",
          '{"data":{"api_key":"changed by hand"}}',
        }
        lab:out("kubectl", "label", "ingress", "urbanos-ingress", "by=hand")
      end,
      { "onboard", "urbanos", "--take-over=monitoring/PrometheusRule/urbanos-alerts" },
    },
  }
  for _, row in ipairs(ROWS) do
    local what, make, words, failures = table.unpack(row)
    it("is what happens in production: " .. words[1] .. " after " .. what, function()
      make()
      local result, data = rehearse(table.unpack(table.move({ "--json" }, 1, 1, #words + 1, { table.unpack(words) })))
      assert.is_table(data, result.stderr)
      assert.same({}, data.differs)
      local there = lab:o2x { "run", "--confirm=urbanos", table.unpack(words) }
      assert.equal(there.code, result.code, there.stderr .. result.stderr)
      local run = json.decode(lab:o2x({ "show", "--json" }).stdout)
      assert.equal(run.status, data.run.status)
      if failures then return assert_same_but_for_the_end(run, data.run, failures) end
      assert.same(effects_of(run), effects_of(data.run))
      assert.equal(run.error and same(run.error.message), data.run.error and same(data.run.error.message))
    end)
  end

  it("goes with its process, however that ends", function()
    for _, signal in ipairs { 2, 9 } do
      local child = lab:start({ "rehearse", "deploy", "urbanos" }, { TMPDIR = folder })
      local function up()
        local name = fs.list(folder)[1]
        return name and fs.exists(fs.join(folder, name, "lab/lab.json")) and name
      end
      eventually("a lab", up, 60)
      child:kill(signal)
      eventually("no lab", function() return #fs.list(folder) == 0 end, 60)
      eventually("no process of it", function() return lab:run({ "pgrep", "-f", "--", folder }).code == 1 end, 60)
      child:close()
    end
  end)

  it("refuses to bring anything to a place that is not its lab", function()
    for _, place in ipairs { folder, lab.dir } do
      local result = lab:o2x({ "rehearse", "arrive", "urbanos" }, { env = { O2X_REHEARSAL = place } })
      assert.equal(3, result.code)
      assert.matches("in its own lab only", result.stderr)
    end
  end)
end)
