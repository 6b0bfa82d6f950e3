-- What need not be rendered again, counted by a helm that notes each start, and seen in the cluster.
local chart = require "tests.support.chart"
local fs = require "o2x.base.fs"
local helm_cluster = require "tests.support.helm_cluster"
local proc = require "o2x.base.proc"

local function counted(what, body)
  it(what, function() helm_cluster.with(body, true) end)
end

-- A plan by a new client, as by a new o2x: its outcome, and what helm was started for.
local function plan(env, o)
  env.renew()
  local run = env.run "plan"
  local _, outcome = run.ensure(o)
  return outcome, env.helms()
end

local function apply(env, o)
  env.renew()
  local _, outcome = env.run().ensure(o)
  return outcome, env.helms()
end

-- Nothing is known at first, all is known then.
local function warm(env, o)
  apply(env, o)
  plan(env, o)
  assert.same({ "unchanged", "" }, { plan(env, o) })
end

local function config_map(text)
  return "kind: ConfigMap\napiVersion: v1\nmetadata: {name: t1-app}\ndata:\n  x: " .. text .. "\n"
end

-- A chart of one template, and what else it has.
local function write(env, text, more)
  local files = { ["deployment.yaml"] = "", ["service.yaml"] = "", ["a.yaml"] = config_map(text) }
  for name, other in pairs(more or {}) do
    files["../" .. name] = other
  end
  chart.write(fs.join(env.tree, "charts/app"), files)
end

describe("an unchanged release", function()
  counted("starts no helm, in a plan and in a run", function(env)
    apply(env)
    assert.same({ "unchanged", "" }, { plan(env) })
    assert.same({ "unchanged", "" }, { apply(env) })
    assert.equal("t1-app 1 deployed", env.releases())
  end)

  counted("with hooks and with a branch for upgrades is rendered once more, then known", function(env)
    write(env, "{{ .Release.IsUpgrade | quote }}", {
      ["templates/h.yaml"] = "kind: ConfigMap\napiVersion: v1\n"
        .. 'metadata: {name: t1-web, annotations: {"helm.sh/hook": pre-install}}\n',
    })
    apply(env)
    assert.same({ "changed", "template" }, { plan(env) })
    assert.same({ "changed", "template upgrade" }, { apply(env) })
    assert.same({ "unchanged", "" }, { plan(env) })
  end)

  counted("is mended from its record when the cluster differs", function(env)
    warm(env)
    env.ask("kubectl", "delete", "service", "t1-app")
    assert.same({ "changed", "" }, { plan(env) })
    assert.same({ "changed", "" }, { apply(env) })
    assert.equal("t1-app", env.ask("kubectl", "get", "service", "t1-app", "-o", "jsonpath={.metadata.name}"))
  end)
end)

-- What is changed → how. Each must be noticed at once, within the same second.
local CHANGES <const> = {
  ["a template"] = function(env) write(env, "b") end,
  ["a template, to the same length, with its old time"] = function(env)
    local path = fs.join(env.tree, "charts/app/templates/a.yaml")
    local old = fs.join(env.tree, "old")
    proc.run { argv = { "cp", "-p", path, old } }
    write(env, "b")
    proc.run { argv = { "touch", "-r", old, path } }
  end,
  ["values of the chart"] = function(env) fs.write(fs.join(env.tree, "charts/app/values.yaml"), "image: b\n") end,
  ["values of the tenant"] = function(env) env.values "level: DEBUG\n" end,
  ["a file that a template reads"] = function(env) fs.write(fs.join(env.tree, "charts/app/files/a.txt"), "b") end,
  ["what helm ignores"] = function(env) fs.write(fs.join(env.tree, "charts/app/.helmignore"), "files/\n") end,
  ["the target of a link"] = function(env)
    fs.write(fs.join(env.tree, "charts/sub/templates/_s.tpl"), '{{ define "s" }}2{{ end }}')
  end,
  ["where a link leads"] = function(env)
    proc.run { argv = { "ln", "-sfn", "../../other", fs.join(env.tree, "charts/app/charts/sub") } }
  end,
  ["the version of the chart"] = function(env)
    fs.write(fs.join(env.tree, "charts/app/Chart.yaml"), "apiVersion: v2\nname: app\nversion: 0.2.0\n")
  end,
}

local TEMPLATE <const> = 'a{{ .Values.level }}{{ .Values.image }}{{ .Files.Get "files/a.txt" }}{{ include "s" . }}'

describe("what was kept of a release is not believed after a change of", function()
  for what, change in pairs(CHANGES) do
    counted(what, function(env)
      for name, number in pairs { sub = "1", other = "3" } do
        chart.write(fs.join(env.tree, "charts", name), {
          ["deployment.yaml"] = "",
          ["service.yaml"] = "",
          ["_s.tpl"] = ('{{ define "s" }}%s{{ end }}'):format(number),
        })
      end
      write(env, TEMPLATE, { ["files/a.txt"] = "a" })
      fs.mkdir(fs.join(env.tree, "charts/app/charts"))
      proc.run { argv = { "ln", "-s", "../../sub", fs.join(env.tree, "charts/app/charts/sub") } }
      warm(env)
      change(env)
      assert.same({ "changed", "template" }, { plan(env) })
    end)
  end

  counted("values that the script gives", function(env)
    local function values(level) return { values = { "values/app.yaml", { level = level } } } end
    warm(env, values "A")
    assert.same({ "changed", "template" }, { plan(env, values "B") })
    assert.same({ "changed", "template" }, { plan(env, { values = { { level = "A" }, "values/app.yaml" } }) })
  end)

  -- What helm is started for when the server has another version, and other kinds.
  local function other_servers(env)
    local seen = {}
    env.renew()
    env.k8s.version = function() return "v1.99.0" end
    env.run("plan").ensure()
    seen[1] = env.helms()
    env.renew()
    local kinds = env.k8s:kinds()
    kinds.api_versions = function() return { "things.example.com/v1" } end
    env.run("plan").ensure()
    seen[2] = env.helms()
    return seen
  end

  counted("the server's version, or its kinds, if the chart may ask for them", function(env)
    write(env, '"{{ .Capabilities.KubeVersion.Major }}"')
    warm(env)
    assert.same({ "template", "template" }, other_servers(env))
    write(env, "a")
    warm(env)
    assert.same({ "", "" }, other_servers(env))
  end)

  counted("helm: another file at its path, another one first on PATH", function(env)
    warm(env)
    local other = fs.join(env.lab.dir, "other-helm")
    fs.copy_tree(env.counting_helm, other)
    env.program = other
    assert.same({ "unchanged", "version template" }, { plan(env) })
    assert.same({ "unchanged", "" }, { plan(env) })
    fs.write(other, fs.read(env.counting_helm) .. "# another\n")
    assert.same({ "unchanged", "version template" }, { plan(env) })
  end)

  counted("the release in the cluster, by another client", function(env)
    warm(env)
    env.ask("helm", "upgrade", "t1-app", fs.join(env.tree, "charts/app"), "--set", "level=X")
    assert.same({ "changed", "template" }, { plan(env) })
    assert.equal("changed", apply(env))
    env.ask("helm", "uninstall", "t1-app")
    assert.same({ "created", "template" }, { plan(env) })
  end)

  counted("a chart that is edited while it is rendered", function(env)
    warm(env)
    write(env, "b")
    env.renew()
    local template = env.helm.template
    env.helm.template = function(...)
      local rendering = template(...)
      write(env, "c")
      return rendering
    end
    env.run("plan").ensure()
    write(env, "b")
    env.helms()
    assert.same({ "changed", "template" }, { plan(env) })
  end)
end)

describe("a chart that may give something else each time", function()
  counted("is rendered twice, and never kept", function(env)
    for _, text in ipairs {
      '{{ if false }}{{ now }}{{ end }}"x"',
      '{{ $_ := randAlpha 3 }}"x"',
      '{{ $_ := .Values.none | default (lookup "v1" "Pod" "" "") | empty | ternary 1 2 }}x',
      '{{ tpl .Values.level . }}{{ tpl "{{ $_ := uuidv4 }}" . }}',
    } do
      write(env, text)
      if text:find "lookup" then
        assert.is_false(pcall(plan, env))
      else
        apply(env)
        env.helms()
        for _ = 1, 2 do
          assert.same({ "unchanged", "template template" }, { plan(env) }, text)
        end
      end
    end
  end)

  counted("as its values do is so only with these", function(env)
    write(env, "{{ tpl (toString .Values.level) . | trunc 1 }}x")
    env.values "level: a\n"
    warm(env)
    env.values "level: 'a{{ uuidv4 }}'\n"
    assert.same({ "changed", "template template" }, { plan(env) })
    apply(env)
    assert.same({ "unchanged", "template template" }, { plan(env) })
  end)
end)

describe("the cache", function()
  local function files(env)
    local folder, list = fs.join(env.cache, "o2x/helm"), {}
    for i, name in ipairs(fs.list(folder)) do
      list[i] = fs.join(folder, name)
    end
    return list
  end

  counted("has one private file for a release, and nothing that the chart rendered", function(env)
    write(env, "{{ .Values.level }}")
    env.values "level: hunter2-hunter2\n"
    warm(env)
    env.values "level: hunter3-hunter3\n"
    warm(env)
    assert.equal(2, #files(env)) -- the release, helm's version
    for _, path in ipairs(files(env)) do
      assert.equal(tonumber("600", 8), fs.stat(path).mode)
      assert.is_nil(fs.read(path):find "hunter")
    end
    assert.equal(tonumber("700", 8), fs.stat(fs.join(env.cache, "o2x/helm")).mode)
  end)

  counted("that is damaged is written anew", function(env)
    warm(env)
    for _, text in ipairs { "", "{", "null", "[]", '{"at":1}', ("\0"):rep(200) } do
      for _, path in ipairs(files(env)) do
        fs.write(path, text)
      end
      assert.same({ "unchanged", "version template" }, { plan(env) }, text)
      assert.same({ "unchanged", "" }, { plan(env) }, text)
    end
  end)

  counted("that cannot be written, or that others may write, only costs time", function(env)
    warm(env)
    proc.run { argv = { "chmod", "777", fs.join(env.cache, "o2x/helm") } }
    assert.same({ "unchanged", "version template" }, { plan(env) })
    fs.remove_tree(env.cache)
    fs.write(env.cache, "a file")
    assert.same({ "unchanged", "version template" }, { plan(env) })
  end)
end)
