-- The real helm renders a sealed chart to the objects that were sealed in it.
local chart = require "tests.support.chart"
local fs = require "o2x.base.fs"
local manifest = require "o2x.client.helm.manifest"
local proc = require "o2x.base.proc"
local sealed = require "o2x.client.helm.sealed"
local yaml = require "o2x.base.yaml"

local function config_map(data)
  return { apiVersion = "v1", kind = "ConfigMap", metadata = { name = "t1" }, data = data }
end

describe("a sealed chart", function()
  local folder
  before_each(function() folder = fs.temp_folder() end)
  after_each(function() fs.remove_tree(folder) end)

  local function rendered(objects, ...)
    local origin, path = chart.write(fs.join(folder, "origin")), fs.join(folder, "sealed")
    sealed.write(path, origin, objects)
    local r = proc.run { argv = { "helm", "template", "r", path, "--include-crds", ... } }
    assert.equal(0, r.code, r.stderr)
    return r.stdout
  end

  it("renders to what it holds, whatever the text", function()
    for _, text in ipairs {
      "{{ .Values.x }}",
      "{{- now -}}",
      "}}{{",
      "{{{{{",
      '{{"{{"}}',
      "{{/* x */}}",
      "`{{`",
      "no",
      "1_000",
      "0777",
      "2024-01-01",
      "line\nline\n",
      'tab\there "quoted" \\ back',
      "é ☃ \u{1F600}",
      "--- x",
      "a\n---\nb\n",
      "# Source: x",
      " lead",
      "trail ",
      "~",
      "",
    } do
      local object = config_map { x = text, y = "{{" .. text }
      local found = manifest.objects(rendered { object })
      assert.same({ object }, found, text)
    end
  end)

  it("keeps the order of objects, and knows hooks", function()
    local objects = {}
    for i = 1, 12 do
      objects[i] = { apiVersion = "v1", kind = "ConfigMap", metadata = { name = "c" .. 13 - i } }
    end
    objects[13] = config_map {}
    objects[13].metadata = { name = "h", annotations = { ["helm.sh/hook"] = "pre-upgrade" } }
    local found = manifest.rendering(rendered(objects))
    assert.same({ 12, 1 }, { #found.objects, #found.hooks })
    for i, object in ipairs(found.objects) do
      assert.equal("c" .. 13 - i, object.metadata.name)
    end
  end)

  it("cannot be moved by values", function()
    local object = config_map { x = "{{ .Values.level }}" }
    assert.same({ object }, manifest.objects(rendered({ object }, "--set", "level=other", "--is-upgrade")))
  end)

  it("has the name, version and values of the chart it stands for, and nothing that helm would act on", function()
    local origin, path = chart.write(fs.join(folder, "origin")), fs.join(folder, "sealed")
    fs.append(fs.join(origin, "Chart.yaml"), 'kubeVersion: ">=1.2"\ndependencies: [{name: x, version: 1.0.0}]\n')
    fs.write(fs.join(origin, "crds/x.yaml"), "kind: CustomResourceDefinition\n", { parents = true })
    fs.write(fs.join(origin, "values.schema.json"), '{"required":["nothing"]}')
    sealed.write(path, origin, {})
    assert.same(
      { apiVersion = "v2", name = "app", version = "0.1.0", appVersion = "1.0" },
      yaml.decode(fs.read(fs.join(path, "Chart.yaml")))
    )
    assert.equal(fs.read(fs.join(origin, "values.yaml")), fs.read(fs.join(path, "values.yaml")))
    assert.same({ "Chart.yaml", "templates", "values.yaml" }, fs.list(path))
    assert.equal(tonumber("600", 8), fs.stat(fs.join(path, "templates/objects.yaml")).mode & tonumber("777", 8))
  end)
end)
