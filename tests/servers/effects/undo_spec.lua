-- Undo, type by type: the system is looked at by its own client before, after the run, after the undo, and after the
-- undo of the undo.

local fs = require "o2x.base.fs"
local gate = require "tests.support.gate"
local helm_cluster = require "tests.support.helm_cluster"
local json = require "o2x.base.json"
local proc = require "o2x.base.proc"
local raised = require "tests.support.raised"
local secret = require "o2x.base.secret"
local taken_back = require "tests.support.taken_back"
local vaults = require "tests.support.vault"

-- Runs `write`, its undo, and the undo of that; each must leave what `look` saw.
---@param one { run: (fun(): table), write: (fun(run: table)), look: (fun(): string), again: boolean? }
---@return table undo
local function there_and_back(one)
  local before = one.look()
  local run = one.run()
  one.write(run)
  local after = one.look()
  assert.are_not.equal(before, after)
  local back = taken_back.back(run, one.run())
  assert.equal(before, one.look())
  if one.again == false then return back end
  assert.same({}, back.undo.left)
  taken_back.back(back, one.run())
  assert.equal(after, one.look())
  return back
end

-- ---- Kubernetes and helm ----

local CONFIG <const> = {
  apiVersion = "v1",
  kind = "ConfigMap",
  metadata = { name = "t1-app", labels = { tenant = "t1" } },
  data = { a = "1", b = "2" },
}

local function config(data)
  local object = json.decode(json.encode(CONFIG))
  object.data = data
  return object
end

-- What is in the cluster, without what the server counts.
local function objects(env)
  local parts = {}
  for _, kind in ipairs { "configmaps", "secrets", "deployments", "services" } do
    for _, item in ipairs(json.decode(env.ask("kubectl", "get", kind, "-o", "json")).items) do
      local meta = item.metadata
      if not meta.name:find "^sh.helm" then
        local spec = item.spec
          and { replicas = item.spec.replicas, template = item.spec.template, ports = item.spec.ports }
        parts[#parts + 1] =
          json.encode { item.kind, meta.name, { labels = meta.labels, data = item.data, spec = spec } }
      end
    end
  end
  return table.concat(parts, "\n")
end

local KUBERNETES <const> = {
  {
    "a new object",
    write = function(run) run.api.k8s.ensure(CONFIG) end,
  },
  {
    "fields of an object that o2x made: added, changed and left out",
    prepare = function(env) env.run().api.k8s.ensure(config { a = "0", c = "left out" }) end,
    write = function(run) run.api.k8s.ensure(config { a = "1", b = "2" }) end,
  },
  {
    "fields of an object that somebody else made",
    prepare = function(env)
      env.ask("kubectl", "create", "configmap", "t1-app", "--from-literal=a=0", "--from-literal=c=theirs")
      env.ask("kubectl", "label", "configmap", "t1-app", "tenant=t1")
    end,
    write = function(run)
      local wanted = config { a = "1", b = "2" }
      run.api.k8s.ensure(wanted, { force = true })
    end,
  },
  {
    "a removed object, whole",
    prepare = function(env) env.run().api.k8s.ensure(CONFIG) end,
    write = function(run) run.api.k8s.remove("ConfigMap", "t1-app") end,
  },
  {
    "fields and annotations, also those that were not there",
    prepare = function(env) env.run().api.k8s.ensure(CONFIG) end,
    write = function(run) run.api.k8s.set("ConfigMap", "t1-app", { data = { a = "9", z = "new" } }) end,
  },
  {
    "replicas, made 0 and 1 on the way",
    prepare = function(env) env.run().ensure() end,
    write = function(run)
      run.api.k8s.scale("Deployment", "t1-app", 0)
      run.api.k8s.scale("Deployment", "t1-app", 1)
    end,
  },
  {
    "a new Secret",
    write = function(run)
      run.api.k8s.ensure_secret("t1-app", { password = secret.new("very-secret-value", "password") })
    end,
    again = false, -- a removed Secret does not come back
  },
  {
    "a new release, whose history goes with it",
    write = function(run) run.ensure() end,
  },
  {
    "a removed release, from the history that helm keeps",
    prepare = function(env) env.run().ensure() end,
    write = function(run) run.api.helm.remove_release "t1-app" end,
  },
  {
    "a removed release with an older revision",
    prepare = function(env)
      env.run().ensure()
      env.values "level: DEBUG\nreplicas: 3\n"
      env.run().ensure()
    end,
    write = function(run) run.api.helm.remove_release "t1-app" end,
  },
  {
    "an upgraded release",
    prepare = function(env)
      env.run().ensure()
      env.values "level: DEBUG\nreplicas: 3\n"
    end,
    write = function(run) run.ensure() end,
  },
}

describe("undo in a cluster", function()
  for _, one in ipairs(KUBERNETES) do
    it("takes back " .. one[1], function()
      helm_cluster.with(function(env)
        if one.prepare then one.prepare(env) end
        there_and_back {
          run = env.run,
          write = one.write,
          look = function() return objects(env) end,
          again = one.again,
        }
      end)
    end)
  end

  -- helm's records of the release.
  local function records(env)
    local label = "owner=helm,name=t1-app"
    return env.ask("kubectl", "get", "secrets", "-l", label, "-o", "name")
  end

  it("leaves no history of a release that was new, and says before that it is gone for good", function()
    helm_cluster.with(function(env)
      local run = env.run()
      run.ensure()
      assert.are_not.equal("", records(env))
      taken_back.back(run, env.run())
      assert.equal("", records(env))
    end)
  end)

  it("removes with a new release nothing of the history that was there before", function()
    helm_cluster.with(function(env)
      env.run().ensure()
      local removal = env.run()
      removal.api.helm.remove_release "t1-app"
      local run = env.run()
      run.ensure()
      local back = taken_back.back(run, env.run())
      assert.equal("t1-app 2 uninstalled", env.releases())
      assert.matches("helm keeps the revisions", back.undo.traces[1])
      taken_back.back(removal, env.run())
      assert.equal("t1-app 3 deployed", env.releases())
    end)
  end)

  it("keeps the history of a release that a script removed, which helm does not list and installs over", function()
    helm_cluster.with(function(env)
      env.run().ensure()
      local run = env.run()
      run.api.helm.remove_release "t1-app"
      assert.equal("", env.ask("helm", "list", "-q"))
      assert.same({}, run.api.helm.list())
      assert.equal("t1-app 1 uninstalled", env.releases())
      assert.are_not.equal("", records(env))
      env.run().ensure()
      assert.matches("t1%-app", env.releases())
    end)
  end)

  it("stops at a release whose objects somebody edited, and touches nothing", function()
    helm_cluster.with(function(env)
      local run = env.run()
      run.ensure()
      env.ask("kubectl", "scale", "deployment", "t1-app", "--replicas=5")
      local before = objects(env)
      local problem = raised(taken_back.back, run, env.run())
      assert.equal("conflict", problem.kind)
      assert.truthy(table.concat(problem.details, "\n"):find("replicas", 1, true))
      assert.equal(before, objects(env))
      taken_back.back(run, env.run(), { take_over = { "t1-app" } })
      assert.equal("", env.releases())
    end)
  end)

  it("says that the content of a Secret that was overwritten does not come back", function()
    helm_cluster.with(function(env)
      env.run().api.k8s.ensure_secret("t1-app", { password = secret.new("old-secret-value", "password") })
      local run = env.run()
      local new = { password = secret.new("new-secret-value", "password") }
      run.api.k8s.ensure_secret("t1-app", new, { overwrite = true })
      local before = objects(env)
      local back = taken_back.back(run, env.run())
      assert.matches("content is a secret", back.undo.left[1].why)
      assert.equal(before, objects(env))
    end)
  end)
end)

-- ---- Vault ----

describe("undo in Vault", function()
  local function run_on(v)
    return function()
      local api, made = gate.run {
        module = "vault",
        mode = "apply",
        config = { vault = { addr = v.addr, token = secret.new(v.root, "VAULT_TOKEN"), mount = "secret" } },
        scope = { vault = { "tenant/newclient/" } },
      }
      made.ctx.tenant = { name = "newclient", id = "TIDLT-100008", environment = "production" }
      made.ensure = api.ensure
      return made
    end
  end

  local function look_at(v)
    return function()
      local status, answer = v.ask("GET", "secret/data/tenant/newclient/quickbooks")
      local fields = status == 200 and answer.data.data or "nothing"
      local found = v.ask("GET", "secret/metadata/tenant/newclient/quickbooks")
      return json.encode { fields = fields, metadata = found }
    end
  end

  local function ensure(fields)
    return function(run)
      local all = { client_secret = secret.new("very-secret-value", "quickbooks/client_secret") }
      for name, field in pairs(fields) do
        all[name] = field
      end
      run.ensure("quickbooks", all)
    end
  end

  local function put(v, fields) v.ask("PUT", "secret/data/tenant/newclient/quickbooks", { data = fields }) end

  it("removes a new secret with its metadata", function()
    local v <close> = vaults.start()
    there_and_back { run = run_on(v), look = look_at(v), write = ensure { client_id = "x" }, again = false }
  end)

  it("makes the version before the newest, with its fields and no others", function()
    local v <close> = vaults.start()
    put(v, { client_id = "the-old-client", other = "kept-as-it-is" })
    local back = there_and_back { run = run_on(v), look = look_at(v), write = ensure { client_id = "x" } }
    assert.is_nil(json.encode(back.journal.records):find("very-secret-value", 1, true))
    assert.is_nil(json.encode(back.journal.records):find('"the-old-client"', 1, true))
  end)

  it("deletes again what had been deleted", function()
    local v <close> = vaults.start()
    put(v, { client_id = "the-old-client" })
    v.ask("DELETE", "secret/data/tenant/newclient/quickbooks")
    there_and_back { run = run_on(v), look = look_at(v), write = ensure { client_id = "x" } }
  end)

  it("says that Vault does not keep the version any more", function()
    local v <close> = vaults.start()
    put(v, { client_id = "the-old-client" })
    local run = run_on(v)()
    ensure { client_id = "x" }(run)
    v.ask("PUT", "secret/destroy/tenant/newclient/quickbooks", { versions = { 1 } })
    local back = taken_back.back(run, run_on(v)())
    assert.matches("does not have version 1", back.undo.left[1].why)
  end)

  it("stops at a version of somebody else", function()
    local v <close> = vaults.start()
    put(v, { client_id = "the-old-client" })
    local run = run_on(v)()
    ensure { client_id = "x" }(run)
    put(v, { client_id = "of-somebody-else" })
    local before = look_at(v)()
    assert.equal("conflict", raised(taken_back.back, run, run_on(v)()).kind)
    assert.equal(before, look_at(v)())
  end)
end)

-- ---- files ----

describe("undo in the platform tree", function()
  local tree
  before_each(function() tree = fs.temp_folder() end)
  after_each(function() fs.remove_tree(tree) end)

  local function run()
    local api, made = gate.run {
      module = "files",
      mode = "apply",
      config = { platform = tree },
      scope = {
        files = {
          read = { "a/" },
          write = { "a/b/c.yaml", "a/b/d.yaml", "a/shared.md" },
          sections = { ["a/shared.md"] = "## newclient (" },
        },
      },
    }
    made.api = api
    return made
  end

  local function look()
    local find = 'cd "$1" && find . -printf "%p %m %y\\n" | sort; find . -type f -exec sha256sum {} + | sort'
    return proc.run({ argv = { "sh", "-c", find, "sh", tree } }).stdout
  end

  local CASES <const> = {
    {
      "new files, with the folders made for them",
      write = function(api)
        api.ensure("a/b/c.yaml", "one: 1\n")
        api.ensure("a/b/d.yaml", "two: 2\n")
      end,
    },
    {
      "a changed file",
      { "a/b/c.yaml", "zero: 0\r\n" },
      write = function(api) api.ensure("a/b/c.yaml", "one: 1\n") end,
    },
    {
      "a file that was changed, removed and made again",
      { "a/b/c.yaml", "zero: 0\n" },
      write = function(api)
        api.ensure("a/b/c.yaml", "one: 1\n")
        api.remove "a/b/c.yaml"
        api.ensure("a/b/c.yaml", "two: 2\n")
      end,
    },
    {
      "a removed file, with its mode",
      { "a/b/c.yaml", "zero: 0\n" },
      write = function(api) api.remove "a/b/c.yaml" end,
    },
    {
      "bytes that are no UTF-8",
      { "a/b/c.yaml", "\xff\xfe\0x" },
      write = function(api) api.ensure("a/b/c.yaml", "one: 1\n") end,
    },
    {
      "the run's own section of a shared file",
      { "a/shared.md", "# All\n\n## other (1)\n- a\n\n## newclient (2)\n- old\n" },
      write = function(api)
        local text = api.read "a/shared.md"
        api.ensure("a/shared.md", (text:gsub("%- old", "- new\n- more")))
      end,
    },
    {
      "a new section of a shared file",
      { "a/shared.md", "# All\n\n## other (1)\n- a\n" },
      write = function(api) api.ensure("a/shared.md", api.read "a/shared.md" .. "\n## newclient (2)\n- new\n") end,
    },
  }

  for _, one in ipairs(CASES) do
    it("takes back " .. one[1], function()
      if one[2] then
        local path = fs.join(tree, one[2][1])
        fs.write(path, one[2][2], { parents = true })
        proc.run { argv = { "chmod", "640", path } }
      end
      there_and_back { run = run, look = look, write = function(made) one.write(made.api) end }
    end)
  end

  it("leaves what somebody else put into a folder that was made", function()
    local made = run()
    made.api.ensure("a/b/c.yaml", "one: 1\n")
    fs.write(fs.join(tree, "a/b/theirs"), "x")
    taken_back.back(made, run())
    assert.is_false(fs.exists(fs.join(tree, "a/b/c.yaml")))
    assert.is_true(fs.exists(fs.join(tree, "a/b/theirs")))
  end)
end)
