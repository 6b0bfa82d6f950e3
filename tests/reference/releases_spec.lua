-- Releases as o2x reads them from helm's records, beside what helm itself says of them: list, history, status.

local clock = require "o2x.base.clock"
local crypto = require "o2x.base.crypto"
local fs = require "o2x.base.fs"
local gzip = require "o2x.base.gzip"
local helm = require "o2x.client.helm"
local json = require "o2x.base.json"
local k8s = require "o2x.client.k8s"
local kubeconfig = require "o2x.client.kubeconfig"
local proc = require "o2x.base.proc"
local small_lab = require "tests.support.small_lab"
local value = require "o2x.base.value"

local CHART <const> = 'apiVersion: v2\nname: tiny\nversion: %s\nappVersion: "7.1"\n'
local TEMPLATE <const> = [[
{{ if .Values.some }}
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}}
data: {level: {{ .Values.level | quote }}}
{{ end }}
]]
local HOOK <const> = [[
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}-hook, annotations: {"helm.sh/hook": pre-upgrade}}
]]

local LONGEST <const> = ("n"):rep(53)

-- How each release gets its state. h: one helm command, which may fail; edit: changes a stored record.
local CASES <const> = {
  { name = "first", make = function(h) h("install", "first") end },
  {
    name = "upgraded",
    make = function(h)
      h("install", "upgraded")
      h("upgrade", "upgraded", "--set", "level=DEBUG")
    end,
  },
  { name = "empty", make = function(h) h("install", "empty", "--set", "some=") end },
  {
    name = "became-empty",
    make = function(h)
      h("install", "became-empty")
      h("upgrade", "became-empty", "--set", "some=")
    end,
  },
  { name = "hooked", make = function(h) h("install", "hooked", "--set", 'level=ünï\\, "x"') end },
  { name = "failed-first", make = function(h) h("install", "failed-first", "--set", "broken=yes") end },
  {
    name = "failed-later",
    make = function(h)
      h("install", "failed-later")
      h("upgrade", "failed-later", "--set", "broken=yes")
    end,
  },
  {
    name = "mended",
    make = function(h)
      h("install", "mended", "--set", "broken=yes")
      h("upgrade", "mended", "--install")
    end,
  },
  {
    name = "back",
    make = function(h)
      h("install", "back")
      h("upgrade", "back", "--set", "level=DEBUG")
      h("rollback", "back", "1")
    end,
  },
  {
    name = "kept",
    make = function(h)
      h("install", "kept")
      h("uninstall", "kept", "--keep-history")
    end,
  },
  {
    name = "again",
    make = function(h)
      h("install", "again")
      h("uninstall", "again", "--keep-history")
      h("upgrade", "again", "--install")
    end,
  },
  {
    name = "gone",
    make = function(h)
      h("install", "gone")
      h("uninstall", "gone")
    end,
  },
  {
    name = "many",
    make = function(h)
      h("install", "many")
      for i = 2, 6 do
        h("upgrade", "many", "--history-max", "3", "--set", "level=L" .. i)
      end
    end,
  },
  { name = LONGEST, make = function(h) h("install", LONGEST) end },
  {
    name = "numbers",
    make = function(h)
      h(
        "install",
        "numbers",
        "--set-json",
        'n={"a":9007199254740993,"b":1e20,"c":18446744073709551616,"d":-0.5,"e":1e-7}'
      )
    end,
  },
  {
    name = "texts",
    make = function(h) h("install", "texts", "--set-json", 't={"a":"1e3","b":"","c":null,"d":[],"f":"a\\nb"}') end,
  },
  { name = "labelled", make = function(h) h("install", "labelled", "--labels", "team=a") end },
  {
    name = "pending-install",
    make = function(h, edit)
      h("install", "pending-install")
      edit("pending-install", 1, "pending-install")
    end,
  },
  {
    name = "pending-upgrade",
    make = function(h, edit)
      h("install", "pending-upgrade")
      h("upgrade", "pending-upgrade")
      edit("pending-upgrade", 2, "pending-upgrade")
      edit("pending-upgrade", 1, "deployed")
    end,
  },
  {
    name = "pending-rollback",
    make = function(h, edit)
      h("install", "pending-rollback")
      h("upgrade", "pending-rollback")
      h("rollback", "pending-rollback", "1")
      edit("pending-rollback", 3, "pending-rollback")
    end,
  },
  {
    name = "uninstalling",
    make = function(h, edit)
      h("install", "uninstalling")
      edit("uninstalling", 1, "uninstalling")
    end,
  },
  {
    name = "all-superseded",
    make = function(h, edit)
      h("install", "all-superseded")
      h("upgrade", "all-superseded")
      edit("all-superseded", 2, "superseded")
    end,
  },
  {
    name = "damaged-old",
    make = function(h, edit)
      h("install", "damaged-old")
      h("upgrade", "damaged-old")
      edit("damaged-old", 1)
    end,
  },
  {
    name = "damaged-only",
    make = function(h, edit)
      h("install", "damaged-only")
      edit("damaged-only", 1)
    end,
    differs = "helm says that there is no such release, o2x that its record is damaged, and how to remove it",
  },
  {
    name = "damaged-newest",
    make = function(h, edit)
      h("install", "damaged-newest")
      h("upgrade", "damaged-newest")
      edit("damaged-newest", 2)
    end,
    differs = "helm shows the revision before it, and fails at the next upgrade; o2x says what is damaged",
  },
}

local STATUSES <const> = {
  "deployed",
  "failed",
  "superseded",
  "uninstalled",
  "uninstalling",
  "pending-install",
  "pending-upgrade",
  "pending-rollback",
}

describe("helm's releases", function()
  local lab, own, alike, different

  -- Changes the status in a stored record; without one, damages the record.
  local function edit(name, revision, status)
    local free = k8s.new { config = kubeconfig.load { path = lab.env.KUBECONFIG } }
    local secret = ("sh.helm.release.v1.%s.v%d"):format(name, revision)
    local stored = json.decode(lab.run("kubectl", "get", "secret", secret, "-o", "json").stdout).data.release
    local bytes = crypto.unbase64(crypto.unbase64(stored))
    if status then
      local text = gzip.unpack(bytes, 1 << 24, secret):gsub('"status":"%l+"', ('"status":"%s"'):format(status), 1)
      bytes = proc.run({ argv = { "gzip", "-c" }, stdin = text }).stdout
    else
      bytes = bytes:sub(1, -30)
    end
    free:patch("Secret", secret, {
      data = { release = crypto.base64(crypto.base64(bytes)) },
      metadata = { labels = status and { status = status } or nil },
    })
  end

  setup(function()
    lab = small_lab.start { "k8s" }
    local folder = fs.join(lab.dir, "tiny")
    fs.write(fs.join(folder, "Chart.yaml"), CHART:format "0.3.0", { parents = true })
    fs.write(fs.join(folder, "values.yaml"), "some: yes\nlevel: INFO\n")
    fs.write(fs.join(folder, "templates/a.yaml"), TEMPLATE, { parents = true })
    fs.write(fs.join(folder, "templates/hook.yaml"), HOOK)
    fs.write(
      fs.join(folder, "templates/broken.yaml"),
      "{{ if .Values.broken }}\n"
        .. "apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec: {ports: [{port: 0}]}\n"
        .. "{{ end }}"
    )
    local function h(op, name, ...)
      local argv = { "helm", op, name }
      if op == "install" or op == "upgrade" then argv[4] = folder end
      table.move({ ... }, 1, select("#", ...), #argv + 1, argv)
      lab.run(table.unpack(argv))
    end
    for _, case in ipairs(CASES) do
      case.make(h, edit)
    end
    own = helm.new { kubeconfig = kubeconfig.load { path = lab.env.KUBECONFIG }, folder = fs.join(lab.dir, "own") }
    alike, different = 0, 0
  end)
  teardown(function() lab.stop() end)

  -- What helm prints; nil if it fails.
  local function reference(...)
    local r = lab.run("helm", ...)
    return r.code == 0 and json.decode(r.stdout) or nil
  end

  local function plain(list, updated)
    local found = {}
    for i, one in ipairs(list or {}) do
      found[i] = {
        name = one.name,
        revision = math.tointeger(tonumber(one.revision)),
        status = one.status,
        chart = one.chart,
        app_version = one.app_version,
        description = one.description,
        updated = updated and clock.parse(one.updated) or nil,
      }
    end
    return found
  end

  it("are listed alike", function()
    local theirs, ours = plain(reference("list", "--all", "--max", "0", "-o", "json")), plain(own:list "default")
    for _, one in ipairs(ours) do
      one.description = nil
    end
    assert.same(theirs, ours)
    local seen = {}
    for _, one in ipairs(ours) do
      seen[one.status] = true
    end
    for _, status in ipairs(STATUSES) do
      assert.is_true(seen[status], status .. " is not among the cases")
    end
  end)

  local function status_of(name, revision)
    local words = { "status", name, "-o", "json" }
    if revision then table.move({ "--revision", tostring(revision) }, 1, 2, #words + 1, words) end
    local theirs = reference(table.unpack(words))
    if not theirs then return nil end
    local hooks = {}
    for i, hook in ipairs(theirs.hooks ~= json.null and theirs.hooks or {}) do
      hooks[i] = hook.manifest
    end
    return {
      revision = theirs.version,
      status = theirs.info.status,
      config = theirs.config ~= json.null and theirs.config or {},
      manifest = theirs.manifest or "",
      hooks = hooks,
    }
  end

  local function own_status(name, revision)
    local ok, ours = pcall(own.status, own, name, "default", revision)
    if not ok then return tostring(ours) end
    if not ours then return nil end
    local hooks = {}
    for i, hook in ipairs(ours.hooks) do
      hooks[i] = hook.manifest
    end
    return {
      revision = ours.revision,
      status = ours.status,
      config = ours.config,
      manifest = ours.manifest,
      hooks = hooks,
    }
  end

  for _, case in ipairs(CASES) do
    it("are alike: " .. case.name, function()
      local history = own:history(case.name, "default")
      local theirs = plain(reference("history", case.name, "-o", "json"), true)
      local ours = plain(history, true)
      for _, one in ipairs(ours) do
        one.name = nil
      end
      assert.same(theirs, ours)
      for _, one in ipairs(history or {}) do
        assert.same(status_of(case.name, one.revision), own_status(case.name, one.revision))
      end
      local same = value.equal(status_of(case.name), own_status(case.name))
      if case.differs then
        assert.is_false(same, "no longer differs: " .. case.differs)
        assert.matches("is damaged", own_status(case.name))
        different = different + 1
      else
        assert.same(status_of(case.name), own_status(case.name))
        alike = alike + 1
      end
    end)
  end

  it("are counted", function()
    print(("releases: %d cases, %d alike, %d different on purpose"):format(#CASES, alike, different))
    assert.equal(#CASES, alike + different)
  end)
end)
