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
    assert.same({ volatile = false, clock = false, revision = false }, chart.inspect(folder, tree))
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

  it("is known by the functions that it mentions", function()
    local function of(text)
      fs.write(fs.join(folder, "templates/x.yaml"), text)
      local about = chart.inspect(folder, tree)
      return about.volatile and "volatile" or about.clock and "clock" or "plain"
    end
    for text, expected in pairs {
      ["{{ randAlphaNum 8 }}"] = "volatile",
      ["{{uuidv4}}"] = "volatile",
      ['{{ (genCA "x" 3).Cert }}'] = "volatile",
      ["{{ keys .Values.x | first }}"] = "volatile",
      ["{{ tpl .Values.x . }}"] = "volatile",
      ["{{ now | unixEpoch }}"] = "clock",
      ["{{ .Values.now }}"] = "plain",
      ["{{ .Values.keys }}"] = "plain",
      ["nowhere: known"] = "plain",
    } do
      assert.equal(expected, of(text), text)
    end
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
