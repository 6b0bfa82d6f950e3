-- What helm does without a cluster; releases are in tests/servers/effects/helm_spec.lua.
local chart = require "tests.support.chart"
local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local helm = require "o2x.client.helm"
local json = require "o2x.base.json"
local secret = require "o2x.base.secret"

local KUBECONFIG = {
  text = function() return secret.new('{"apiVersion":"v1","kind":"Config"}', "kubeconfig") end,
  revision = function() return 0 end,
}

describe("helm", function()
  local folder, client

  before_each(function()
    folder = fs.temp_folder()
    client = helm.new { kubeconfig = KUBECONFIG, folder = folder, scope = { "t1-app" } }
  end)
  after_each(function() fs.remove_tree(folder) end)

  local function raised(fn, ...)
    local ok, e = pcall(fn, ...)
    assert.is_false(ok)
    assert.is_true(errors.is(e), tostring(e))
    assert.is_nil(tostring(e):find("\n"), tostring(e))
    return e
  end

  local function program(name, text)
    local path = fs.join(folder, name)
    fs.write(path, "#!/bin/sh\n" .. text, { mode = tonumber("755", 8) })
    return helm.new { kubeconfig = KUBECONFIG, folder = folder, program = path }
  end

  local function template(templates, values)
    local path = chart.write(fs.join(folder, "chart"), templates)
    return client:template(
      "t1-app",
      { chart = path, namespace = "default", values = values or {}, values_names = { "v.yaml" } }
    )
  end

  -- A release as upgrade takes it.
  local function to_write(o)
    local release = { chart = chart.write(fs.join(folder, "chart")), namespace = "default", values = {}, objects = {} }
    for name, value in pairs(o or {}) do
      release[name] = value
    end
    return release
  end

  it("renders a chart with values that it reads from files", function()
    local objects = template(nil, { "replicas: 3\n", { level = "DEBUG" } }).objects
    assert.equal("Service", objects[1].kind)
    local spec = objects[2].spec
    assert.equal(3, spec.replicas)
    assert.equal("DEBUG", spec.template.spec.containers[1].env[1].value)
  end)

  it("renders an install or an upgrade, hooks apart, tests left out", function()
    local function hook(event)
      return ('kind: Job\napiVersion: batch/v1\nmetadata: {name: %s, annotations: {"helm.sh/hook": %s}}\n'):format(
        event,
        event
      )
    end
    local path = chart.write(fs.join(folder, "chart"), {
      ["cm.yaml"] = "kind: ConfigMap\napiVersion: v1\nmetadata: {name: u-{{ .Release.IsUpgrade }}}\n",
      ["job.yaml"] = hook "pre-upgrade",
      ["test.yaml"] = hook "test",
    })
    for _, upgrade in ipairs { true, false } do
      local r = client:template("t1-app", { chart = path, namespace = "default", values = {}, upgrade = upgrade })
      assert.equal("u-" .. tostring(upgrade), r.objects[1].metadata.name)
      assert.same({ 3, 1, "pre-upgrade" }, { #r.objects, #r.hooks, r.hooks[1].metadata.name })
    end
  end)

  it("gets no cluster for rendering, so a chart that asks one is refused at its line", function()
    for _, text in ipairs {
      '{{ lookup "v1" "Secret" "default" "other" }}',
      'a: b\n{{ if (lookup "v1" "Namespace" "" "x") }}c: d{{ end }}',
      "{{ tpl .Values.sneaky . }}",
    } do
      local sneaky = { sneaky = '{{ lookup "v1" "ConfigMap" "" "" }}' }
      local e = raised(template, { ["bad.yaml"] = "# first\n" .. text }, { sneaky })
      assert.equal("refused", e.kind)
      assert.matches("the chart asks the cluster %(lookup ", e.message)
      assert.is_truthy(e.where:find("chart/templates/bad.yaml:", 1, true), e.where)
    end
    local helper = '{{ define "h" }}{{ lookup "v1" "Pod" "" "" }}{{ end }}'
    local used = { ["bad.yaml"] = '{{ include "h" . }}', ["_h.tpl"] = helper }
    assert.equal("refused", raised(template, used).kind)
    -- What is defined and not used asks nothing.
    template { ["bad.yaml"] = "", ["_h.tpl"] = helper }
  end)

  it("leaves no values behind, and nothing that others may read", function()
    template(nil, { "replicas: 3\n" })
    for _, name in ipairs(fs.list(folder .. "/helm")) do
      assert.is_nil(name:find("values"))
      assert.equal(0, fs.stat(fs.join(folder, "helm", name)).mode & tonumber("77", 8), name)
    end
    client:close()
    assert.is_false(fs.exists(folder .. "/helm"))
  end)

  it(
    "gets no secrets in values",
    function() assert.equal("refused", raised(template, nil, { { key = secret.new("x", "y") } }).kind) end
  )

  it("says in one line where a chart rendering failed", function()
    local cases = {
      ["a: {{ .Values.x.y.z }}\n"] = { ":2", "<.Values.x.y.z>: nil pointer evaluating interface {}.y" },
      ['a: {{ required "tenantId is needed" .Values.nothing }}\n'] = { ":2", "tenantId is needed" },
      ["a: {{ .Values.x }\n"] = { ":2", 'unexpected "}" in operand' },
      ["a: {{ nofunction }}\n"] = { ":2", 'function "nofunction" not defined' },
      ["a:\n b: 1\n  c: 2\n"] = { ":4", "mapping values are not allowed" },
      ['{{ fail "not like this" }}\n'] = { ":2", "not like this" },
    }
    for text, expected in pairs(cases) do
      local e = raised(template, { ["bad.yaml"] = "# first\n" .. text })
      assert.equal("input", e.kind)
      assert.is_truthy(e.where:find("chart/templates/bad.yaml" .. expected[1], 1, true), tostring(e))
      assert.is_truthy(e.message:find(expected[2], 1, true), tostring(e))
      assert.is_truthy(e.message:find("rendering failed", 1, true), tostring(e))
    end
  end)

  it("calls a bad values file by the name that people know", function()
    local e = raised(template, nil, { "a: 1\n\tb: 2\n" })
    assert.equal("input", e.kind)
    assert.is_truthy(e.message:find("failed to parse v.yaml", 1, true), tostring(e))
  end)

  it("touches only releases that the run may touch", function()
    local release = { chart = "x", namespace = "default", values = {} }
    for _, name in ipairs { "t1-app2", "t1", "t1-sbx-app" } do
      assert.equal("refused", raised(client.template, client, name, release).kind)
      assert.equal("refused", raised(client.upgrade, client, name, release).kind)
      assert.equal("refused", raised(client.uninstall, client, name, "default").kind)
      assert.equal("refused", raised(client.status, client, name, "default").kind)
    end
    for _, name in ipairs { "--post-renderer=x", "-x", "A", "a b", "", "a/b" } do
      assert.equal("input", raised(client.upgrade, client, name, release).kind, name)
    end
  end)

  it("that is missing is a clear line", function()
    local none = helm.new { kubeconfig = KUBECONFIG, folder = folder, program = "no-helm-here" }
    assert.equal("no-helm-here is not on PATH", raised(none.version, none).message)
  end)

  it("is refused in a version that will not do", function()
    for version, shown in pairs {
      ["v4.0.1"] = "4.0.1",
      ["v2.17.0"] = "2.17.0",
      ["v30.1"] = "30.1",
      ["v3.12.3"] = "3.12.3",
      nothing = "unknown",
    } do
      local e = raised(client.version, program("h", "echo " .. version))
      assert.equal("input", e.kind)
      assert.is_truthy(
        e.message:find(("is version %s; o2x needs helm 3.13 or a later 3.x"):format(shown), 1, true),
        tostring(e)
      )
    end
    assert.equal("3.14.0", program("h", "echo v3.14.0"):version())
  end)

  it("has failures told apart", function()
    local cases = {
      { 'Kubernetes cluster unreachable: Get "http://x/version": dial tcp: connection refused', "unreachable", true },
      { "UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress", "conflict" },
      {
        'UPGRADE FAILED: Unable to continue with update: Service "x" in namespace "default" exists '
          .. "and cannot be imported into the current release: invalid ownership metadata",
        "conflict",
      },
      { 'UPGRADE FAILED: deployments.apps is forbidden: User "x" cannot create', "unauthorised" },
      { "UPGRADE FAILED: context deadline exceeded", "unknown" },
      { 'UPGRADE FAILED: Put "https://x": read: connection reset by peer', "unknown" },
      { "UPGRADE FAILED: something else", "failed" },
    }
    for _, case in ipairs(cases) do
      local c = program(
        "h",
        ('if [ "$1" = version ]; then echo v3.20.0; else printf "%%s\\n" \'Error: %s\' >&2; exit 1; fi'):format(case[1])
      )
      local e = raised(c.upgrade, c, "t1-app", to_write())
      assert.equal(case[2], e.kind, case[1])
      assert.equal(case[3], e.retryable or nil)
      assert.equal("helm upgrade t1-app: " .. case[1], e.message)
    end
    local c = program("h", 'if [ "$1" = version ]; then echo v3.20.0; else kill -9 $$; fi')
    assert.equal("unknown", raised(c.upgrade, c, "t1-app", to_write()).kind)
  end)

  it("never sees values or credentials on its command line, nor our environment", function()
    local c = program(
      "h",
      'if [ "$1" = version ]; then echo v3.20.0; else echo "$@" > "'
        .. folder
        .. '/argv"; env > "'
        .. folder
        .. '/env"; for f in "$@"; do case $f in */values-*) cat "$f" > "'
        .. folder
        .. '/seen";; esac; done; fi'
    )
    c:upgrade("t1-app", to_write { namespace = "ns", values = { { a = "visible" } }, label = "k1", timeout = 10 })
    local argv = fs.read(folder .. "/argv")
    assert.is_nil(argv:find("visible"))
    assert.is_truthy(argv:find("--labels o2x-effect=k1", 1, true))
    assert.is_nil(argv:find("--wait", 1, true))
    assert.same({ a = "visible" }, json.decode(fs.read(folder .. "/seen")))
    local env = fs.read(folder .. "/env")
    for _, name in ipairs { "HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME", "KUBECACHEDIR", "KUBECONFIG" } do
      assert.is_truthy(env:find(name .. "=" .. folder .. "/helm/", 1, true), name)
    end
  end)

  it("refuses a name that helm cannot take, and says why", function()
    local name = ("a"):rep(54)
    local any = helm.new { kubeconfig = KUBECONFIG, folder = folder }
    local e = raised(any.status, any, name, "default")
    assert.equal("input", e.kind)
    assert.matches("release name a+ has 54 characters; helm takes at most 53", e.message)
    assert.matches("shorter name", e.hint)
  end)
end)
