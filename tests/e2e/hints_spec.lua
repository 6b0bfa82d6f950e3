-- The next line at 3 a.m.: a table of what breaks. What is printed last is pasted while it is broken still, and says
-- the same again; then the cause is mended, and the last line, pasted once more, leads to the end.

local defer = require "o2x.base.defer"
local fs = require "o2x.base.fs"
local labs = require "tests.support.lab"
local paste = require "tests.support.proposed.paste"

local TENANT <const>, NEW <const> = "newclient", "acme-sbx"
local SOON <const> = "--set=retry.seconds=1"

local lab

local function fault(...)
  local result = lab:o2x { "lab", "fault", ... }
  assert(result.code == 0, result.stderr)
end

local function in_tree(path) return fs.join(lab.platform, path) end

local function kubectl(...) lab:out("kubectl", ...) end

-- The command in the last line.
local function next_of(result) return result.stderr:match "next: ([^\n]+)\n$" or error(result.stderr) end

local function fails(result, says)
  assert.are_not.equal(0, result.code, result.stdout)
  assert.is_nil(result.stderr:find("stack traceback", 1, true))
  assert.matches(says, result.stderr)
  return next_of(result)
end

local function redis(...) lab:out("redis-cli", "-u", lab.env.REDIS_URL, ...) end

-- Something to take away, in the tenant's part of Redis.
local function session()
  local id = lab:sql("enginedevdb", ("select id from core_config.tenant where name = '%s'"):format(TENANT))
  redis("set", id .. ":session:x", "1")
end

local function clear() return { "cache-clear", TENANT, "--confirm=" .. TENANT, SOON } end

local version = 0

-- A deployment of a version that was not there before.
local function deploy()
  version = version + 1
  return {
    "deploy",
    TENANT,
    "services=service-usage",
    "image=v3.0." .. version,
    "timeout=4s",
    "--confirm=" .. TENANT,
  }
end

local function onboard() return { "onboard", TENANT, SOON } end

local CHART <const> = "core/charts/service-usage"
local HOOKS <const> = "/hooked/runbooks/hooks.lua"

-- A project with hooks of its own.
local function hooked()
  local root = lab.dir .. "/hooked"
  if not fs.exists(root) then
    fs.copy_tree("runbooks", root .. "/runbooks")
    fs.copy_tree("stdlib", root .. "/stdlib")
  end
  return root
end

-- what; breaks; words; what is said (patterns); mends; once: the second attempt gets through
local ROWS <const> = {
  {
    "a chart that is missing",
    function() fs.rename(in_tree(CHART), lab.dir .. "/kept") end,
    deploy,
    "core/charts/service%-usage/Chart.yaml: there is no such chart",
    function() fs.rename(lab.dir .. "/kept", in_tree(CHART)) end,
  },
  {
    "a chart that does not render",
    function() fs.write(in_tree(CHART) .. "/templates/broken.yaml", "kind: {{ .Values.nosuch.field }}\n") end,
    deploy,
    "broken.yaml:1",
    function() fs.remove(in_tree(CHART) .. "/templates/broken.yaml") end,
  },
  {
    "a chart with a hook that the run may not write",
    function()
      fs.write(
        in_tree(CHART) .. "/templates/hook.yaml",
        [[
apiVersion: batch/v1
kind: Job
metadata: {name: "{{ .Release.Name }}-before", annotations: {"helm.sh/hook": pre-upgrade}}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: x, image: "x/y:1"}]}}}
]]
      )
    end,
    deploy,
    "Job in namespace default 'newclient%-service%-usage%-before' is outside what this run may touch",
    function() fs.remove(in_tree(CHART) .. "/templates/hook.yaml") end,
  },
  {
    "an image that cannot be pulled",
    function() fault("k8s", "broken-pods", "match=newclient-service-usage") end,
    deploy,
    "ImagePullBackOff",
    function() fault("k8s", "off") end,
  },
  {
    "a quota that is used up",
    function() kubectl("create", "quota", "full", "--hard=pods=1") end,
    deploy,
    "exceeded quota: full",
    function() kubectl("delete", "quota", "full") end,
  },
  {
    "a helm that fails",
    function() fault("k8s", "helm-fails", "match=newclient-service-usage") end,
    deploy,
    "UPGRADE FAILED",
    function() end,
    once = true,
  },
  {
    "a hook of the project that fails",
    function() fs.write(lab.dir .. HOOKS, 'return { before = function() fail("no ticket", "open one") end }\n') end,
    deploy,
    "hooks.lua:1: no ticket",
    function() fs.write(lab.dir .. HOOKS, "return { before = function() end }\n") end,
    root = hooked,
  },
  {
    "a dump that was cut",
    function()
      local path = lab.dir .. "/whole.dump"
      lab:out("pg_dump", "-Fc", "-d", "coredb-newclient", "-f", path)
      local text = fs.read(path)
      fs.write(lab.dir .. "/cut.dump", text:sub(1, #text - 3000))
    end,
    function() return { "restore", TENANT, "archive=" .. lab.dir .. "/cut.dump", "--confirm=" .. TENANT } end,
    "the archive is incomplete or damaged",
    function() fs.write(lab.dir .. "/cut.dump", fs.read(lab.dir .. "/whole.dump")) end,
  },
  {
    "a Vault that is sealed",
    function() fault("vault", "sealed") end,
    onboard,
    "Vault is sealed.*vault operator unseal",
    function() fault("vault", "off") end,
  },
  {
    "a name server that fails",
    function() fault("dns", "servfail") end,
    onboard,
    "SERVFAIL.*dig @127%.0%.0%.1 %-p %d+ newclient%.embrix%.com CNAME shows",
    function() fault("dns", "off") end,
  },
  {
    "a broker that fails",
    function() fault("broker", "500", "times=1000") end,
    onboard,
    "answered 500",
    function() fault("broker", "off") end,
  },
  {
    "a Redis that is down",
    function() fault("redis", "down") end,
    clear,
    "Redis at 127%.0%.0%.1:%d+ refuses connections",
    function() fault("redis", "off") end,
  },
  {
    "a Redis user who may remove nothing",
    function()
      session()
      redis("acl", "setuser", "default", "-unlink", "-del")
    end,
    clear,
    "may not UNLINK keys of TIDLT%-%d+",
    function() redis("acl", "setuser", "default", "+@all") end,
  },
  {
    "a Redis that has become a replica",
    function()
      session()
      redis("replicaof", "127.0.0.1", "1")
    end,
    clear,
    "this Redis is a replica of 127%.0%.0%.1:1 .*set REDIS_URL to the primary",
    function() redis("replicaof", "no", "one") end,
  },
  {
    "a PostgreSQL that is down",
    function() fault("postgres", "down") end,
    function() return { "vacuum", TENANT, SOON } end,
    "PostgreSQL at 127%.0%.0%.1:%d+ refuses connections",
    function() fault("postgres", "off") end,
  },
  {
    "an AWS that denies",
    function() fault("aws", "403", "times=9999") end,
    function() return { "backup", TENANT, SOON } end,
    "RDS: DescribeDBSnapshots failed: [^\n]*Forbidden",
    function() fault("aws", "off") end,
  },
}

-- The same onboarding meets each of them; it has written something before the first.
local TROUBLES <const> = {
  {
    "a migration that fails",
    function()
      fs.write(lab.dir .. "/kept.sql", fs.read(in_tree "engine/db/migration/V2__business_tables.sql"))
      fs.write(
        in_tree "engine/db/migration/V2__business_tables.sql",
        fs.read(lab.dir .. "/kept.sql") .. "\nselect nosuch;\n"
      )
    end,
    "V2__business_tables.sql:%d+: .*nosuch",
    function() fs.write(in_tree "engine/db/migration/V2__business_tables.sql", fs.read(lab.dir .. "/kept.sql")) end,
  },
  {
    "a quota that is used up",
    function() kubectl("create", "quota", "full", "--hard=pods=1") end,
    "exceeded quota: full.*kubectl describe resourcequota %-%-namespace=default shows",
    function()
      kubectl("describe", "resourcequota", "--namespace=default")
      kubectl("delete", "quota", "full")
    end,
  },
  {
    "an image that cannot be pulled",
    function() fault("k8s", "broken-pods", "match=acme-sbx-service-transactional") end,
    "ImagePullBackOff.*push that image, or correct its name",
    function() fault("k8s", "off") end,
  },
  {
    "pods that are not ready in time",
    function() fault("k8s", "slow-pods", "seconds=60") end,
    "is not ready after 4 s",
    function() fault("k8s", "off") end,
  },
  {
    "a name server that fails",
    function() fault("dns", "servfail") end,
    "SERVFAIL.*dig @127%.0%.0%.1",
    function() fault("dns", "off") end,
  },
  {
    "a Vault that is sealed",
    function() fault("vault", "sealed") end,
    "Vault is sealed.*vault operator unseal",
    function() fault("vault", "off") end,
  },
  {
    "a broker that refuses connections",
    function() fault("broker", "refused", "seconds=600") end,
    "check that the server runs, and its address: .*o2x config .*explain",
    function() fault("broker", "off") end,
  },
}

describe("the last line of a run that met", function()
  setup(function()
    lab = labs.start()
    assert(lab:o2x({ "run", "onboard", TENANT }).code == 0)
  end)
  teardown(function() lab:stop() end)

  for _, row in ipairs(ROWS) do
    it(row[1] .. " leads on", function()
      local options = { cwd = row.root and row.root() }
      row[2]()
      local mended = false
      local _mend <close> = defer(function()
        if not mended then row[5]() end
      end)
      local command = fails(lab:o2x(row[3](), options), row[4])
      if not row.once then command = fails(paste.run(lab, command, options), row[4]) end
      row[5]()
      mended = true
      local last = paste.works(lab, command, options)
      assert.matches("done  .*next: .*o2x show .*R%-[%w-]+\n$", last.stderr)
      paste.works(lab, next_of(last), options)
      assert.equal("[]\n", lab:o2x({ "runs", "--unfinished", "--json" }).stdout)
    end)
  end

  it("one thing after the other, at a resume, leads on each time, and to the end", function()
    local command = ("o2x run onboard %s timeout=4s %s"):format(NEW, SOON)
    for i, trouble in ipairs(TROUBLES) do
      trouble[2]()
      for _ = 1, 2 do
        command = fails(paste.run(lab, command), trouble[3])
        assert.matches("^%S*o2x resume .*R%-[%w-]+$", command, 1, ("%s: %s"):format(i, trouble[1]))
      end
      trouble[4]()
    end
    paste.works(lab, command)
    local planned = lab:o2x { "plan", "onboard", NEW, "--detailed-exitcode" }
    assert.equal(0, planned.code, planned.stdout)
  end)
end)
