local chart = require "o2x.client.helm.chart"
local fs = require "o2x.base.fs"
local proc = require "o2x.base.proc"
local raised = require "tests.support.raised"
local write = require("tests.support.chart").write

local function link(target, path) assert.equal(0, proc.run({ argv = { "ln", "-s", target, path } }).code) end

describe("a chart", function()
  local tree, folder
  before_each(function()
    tree = fs.realpath(fs.temp_folder())
    folder = write(fs.join(tree, "charts/app"))
  end)
  after_each(function() fs.remove_tree(tree) end)

  -- the text of a Chart.yaml → name, version and appVersion as helm has them
  local ABOUT <const> = {
    ["name: a\nversion: 1.0.0\nappVersion: '2'\n"] = { "a", "1.0.0", "2" },
    ["name: a\nversion: 1.10\nappVersion: 1.20\n"] = { "a", "1.1", "1.2" },
    ["name: 5\nversion: 1\nappVersion: true\n"] = { "5", "1", "true" },
    ["name: a\nversion: 1.0.0\nappVersion: null\n"] = { "a", "1.0.0", "" },
    ["name: a\nname: b\nversion: 1.0.0\n"] = { "b", "1.0.0", "" },
    ["name: a\nversion: 1.0.0\n---\n"] = { "a", "1.0.0", "" },
    ["name: a\nversion: 1.0.0\n---\nname: b\n"] = { "a", "1.0.0", "" },
    ["\xef\xbb\xbfname: a\r\nversion: 1.0.0\r\n"] = { "a", "1.0.0", "" },
  }
  it("is called as helm calls it", function()
    for text, expected in pairs(ABOUT) do
      fs.write(fs.join(folder, "Chart.yaml"), text)
      local about = chart.about(folder)
      assert.same(expected, { about.name, about.version, about.appVersion }, text)
    end
    for _, text in ipairs { "", "text", "- a", "name: a\n", "version: 1.0.0\n", "name: [a]\nversion: 1.0.0\n" } do
      fs.write(fs.join(folder, "Chart.yaml"), text)
      local e = raised(chart.about, folder)
      assert.same({ "input", fs.join(folder, "Chart.yaml") }, { e.kind, e.where }, text)
    end
  end)

  it("may link what is in the platform tree, subcharts above all", function()
    write(fs.join(tree, "charts/common"))
    fs.mkdir(fs.join(folder, "charts"))
    link("../../common", fs.join(folder, "charts/common"))
    link("../..", fs.join(folder, "charts/loop"))
    local about = chart.inspect(folder, tree)
    assert.is_false(about.volatile or about.clock or about.revision)
    assert.is_true(about.plain)
  end)

  it("may not link what is outside, at whatever depth", function()
    fs.mkdir(fs.join(folder, "files/deep"))
    write(fs.join(tree, "charts/common"))
    fs.mkdir(fs.join(folder, "charts"))
    link("../../common", fs.join(folder, "charts/common"))
    for _, at in ipairs { "x", "files/x", "files/deep/x", "templates/x.yaml", "charts/x", "../common/x" } do
      for _, target in ipairs { "/etc/passwd", "/etc", "../../../../../../../../etc/hostname", "nowhere", tree } do
        local path = fs.join(folder, at)
        link(target, path)
        local e = raised(chart.inspect, folder, tree)
        assert.equal("input", e.kind)
        assert.matches("is a link ", e.message)
        assert.matches("/x[.yaml]*$", e.where)
        fs.remove(path)
      end
    end
    chart.inspect(folder, tree)
  end)

  it("holds nothing but files and folders", function()
    assert.equal(0, proc.run({ argv = { "mkfifo", fs.join(folder, "templates/pipe") } }).code)
    assert.matches("neither a file nor a folder", raised(chart.inspect, folder, tree).message)
  end)

  local function of(text, more)
    fs.write(fs.join(folder, "templates/x.yaml"), text)
    for name, other in pairs(more or {}) do
      fs.write(fs.join(folder, name), other, { parents = true })
    end
    return chart.inspect(folder, tree)
  end

  it("is known by the functions that its templates call, wherever the template is", function()
    assert.is_true(of("{{ uuidv4 }}").volatile)
    assert.is_true(of("{{ now }}").clock)
    assert.is_false(of("nowhere: known").volatile)
    assert.is_true(of("", { ["charts/sub/templates/deep/_x.tpl"] = "{{ uuidv4 }}" }).volatile)
    fs.remove(fs.join(folder, "charts/sub/templates/deep/_x.tpl"))
    fs.write(fs.join(folder, "elsewhere.txt"), "{{ uuidv4 }}")
    assert.is_false(of("").volatile)
    link("../elsewhere.txt", fs.join(folder, "templates/l.yaml"))
    assert.is_true(of("").volatile)
  end)

  it("that renders texts as templates is judged by all that they may be", function()
    for text, volatile in pairs {
      ["{{ tpl .Values.x . }}"] = false,
      ["{{ tpl `{{ .Values.x }}` . }}"] = false,
      ["{{ tpl `{{ now }}` . }}"] = true,
      ['{{ tpl (printf "{{ %s }}" "now") . }}'] = true,
      ['{{ tpl "\\x7b{ now }}" . }}'] = true,
    } do
      assert.equal(volatile, of(text).volatile, text)
    end
    for _, name in ipairs { "values.yaml", "files/a.txt", "charts/sub/values.yaml" } do
      assert.is_true(of("{{ tpl .Values.x . }}", { [name] = "x: '{{ uuidv4 }}'\n" }).volatile, name)
      assert.is_false(of("{{ .Values.x }}").volatile, name)
      fs.remove(fs.join(folder, name))
    end
  end)

  it("is plain if nothing of the cluster, of hooks or of its revision is in it", function()
    for text, plain in pairs {
      ["a: {{ .Values.x }}"] = true,
      ["{{ .Release.Name }}{{ .Release.Namespace }}{{ .Release.Service }}"] = true,
      ["{{ .Release.Revision }}"] = false,
      ["{{ .Capabilities.KubeVersion }}"] = false,
      ['{{ index . "Capabilities" }}'] = false,
      ["{{ toYaml $ }}"] = false,
      ['{{ include "x" $ }}'] = true,
      ['a: {"helm.sh/hook": pre-install}'] = false,
      ["{{ tpl .Values.x . }}"] = false,
      ["{{ uuidv4 }}"] = false,
    } do
      assert.equal(plain, of(text).plain, text)
    end
    assert.is_false(of("", { ["crds/x.yaml"] = "" }).plain)
    assert.is_false(of("", { ["templates/NOTES.txt"] = "Welcome" }).plain)
    fs.remove(fs.join(folder, "crds/x.yaml"))
    assert.is_false(of("", { ["values.yaml"] = "x: helm.sh/hook\n" }).plain)
    assert.is_false(of("", { ["values.yaml"] = "", ["large"] = ("x"):rep(300000) }).plain)
  end)

  it("knows whether it must be told what the cluster can do", function()
    for text, asks in pairs {
      ["a: {{ .Values.x }}"] = false,
      ["{{ .Capabilities.KubeVersion }}"] = true,
      ["{{ tpl .Values.x . }}"] = true,
      ["{{ uuidv4 }}"] = true,
    } do
      assert.equal(asks, of(text).cluster, text)
    end
    assert.is_true(of("", { ["charts/sub/Chart.yaml"] = "name: sub\nkubeVersion: '>=1.25'\n" }).cluster)
    assert.is_true(of("").plain) -- helm itself compares the version
    fs.remove(fs.join(folder, "charts/sub/Chart.yaml"))
  end)

  it("knows whether an upgrade may render something else than an install", function()
    for text, asks in pairs {
      ["{{ .Release.Name }}"] = false,
      ["{{ if .Release.IsUpgrade }}{{ end }}"] = true,
      ["{{ if $.Release.IsInstall }}{{ end }}"] = true,
      ["{{ with .Release }}{{ .IsUpgrade }}{{ end }}"] = true,
      ['{{ index . "Release" }}'] = true,
      ["{{ .Values.Release }}"] = true, -- rather once too often
    } do
      assert.equal(asks, of(text).operation, text)
    end
  end)

  it("has another digest when anything in it has changed", function()
    local seen = {}
    local function changed(what)
      local digest = chart.inspect(folder, tree).digest
      assert.is_nil(seen[digest], what)
      assert.equal(digest, chart.inspect(folder, tree).digest)
      seen[digest] = true
    end
    changed "nothing"
    for _, name in ipairs { "templates/x.yaml", ".helmignore", "files/a", "README.md", "values.schema.json" } do
      fs.write(fs.join(folder, name), "a", { parents = true })
      changed(name)
      fs.write(fs.join(folder, name), "b")
      changed(name)
    end
    fs.rename(fs.join(folder, "README.md"), fs.join(folder, "OTHER.md"))
    changed "a name"
    write(fs.join(tree, "charts/common"))
    fs.mkdir(fs.join(folder, "charts"))
    for _, name in ipairs { "a", "b" } do
      link("../../common", fs.join(folder, "charts", name))
      changed("the link " .. name)
    end
    fs.write(fs.join(tree, "charts/common/templates/x.yaml"), "x")
    changed "what is linked"
  end)

  it("that is packed cannot be looked into", function()
    fs.write(fs.join(folder, "charts/x-1.0.0.tgz"), "x", { parents = true })
    assert.is_true(chart.inspect(folder, tree).volatile)
  end)

  it("that asks for its revision is known by that", function()
    for text, asks in pairs {
      ["a: {{ .Release.Revision }}"] = true,
      ["a: {{ $.Release.Revision | quote }}"] = true,
      ["a: {{ .Release.RevisionX }}"] = false,
      ["a: {{ .Values.Revision }}"] = false,
    } do
      fs.write(fs.join(folder, "templates/r.yaml"), text)
      assert.equal(asks, chart.inspect(folder, tree).revision, text)
    end
  end)
end)
