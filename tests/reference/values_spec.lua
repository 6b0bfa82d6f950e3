-- Values files beside helm: what o2x takes them for is what helm records of a release, before and after an edit.
local cases = require("tests.reference.cases.values").cases
local content = require "o2x.effects.helm.content"
local fs = require "o2x.base.fs"
local helm_values = require "o2x.client.helm.values"
local json = require "o2x.base.json"
local proc = require "o2x.base.proc"
local read = require "o2x.client.helm.values.read"
local small_lab = require "tests.support.small_lab"

local CHART <const> = {
  ["Chart.yaml"] = "apiVersion: v2\nname: c\nversion: 1.0.0\n",
  ["values.yaml"] = "kept: 1\nlevel: INFO\nnested: {a: 1, b: {c: 2}}\nlist: [1, 2]\n",
  ["templates/a.yaml"] = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n",
}

describe("values files", function()
  local chart, lab

  setup(function()
    chart, lab = fs.temp_folder(), small_lab.start { "k8s" }
    for name, text in pairs(CHART) do
      fs.write(fs.join(chart, name), text, { parents = true })
    end
  end)
  teardown(function()
    lab.stop()
    fs.remove_tree(chart)
  end)

  -- What helm would record; nil, reason if it refuses the file.
  local function by_helm(text)
    local path = fs.join(chart, "v.yaml")
    fs.write(path, text)
    local argv = { "helm", "install", "x", chart, "-f", path, "--dry-run=client", "-o", "json" }
    local r = proc.run { argv = argv, env = lab.env, timeout = 300 }
    if r.code ~= 0 then return nil, r.stderr end
    return json.decode(r.stdout).config or {}
  end

  -- The same of several files, of which later ones win.
  local function of_several(texts)
    local argv = { "helm", "install", "x", chart, "--dry-run=client", "-o", "json" }
    for i, text in ipairs(texts) do
      local path = fs.join(chart, ("v%d.yaml"):format(i))
      fs.write(path, text)
      argv[#argv + 1], argv[#argv + 2] = "-f", path
    end
    local r = proc.run { argv = argv, env = lab.env, timeout = 300 }
    assert.equal(0, r.code, r.stderr)
    return json.decode(r.stdout).config or {}
  end

  local function by_us(text)
    local ok, values = pcall(read.values, text, "v.yaml")
    if ok then return values end
    assert.equal("input", values.kind, tostring(values))
    assert.matches("^v%.yaml", values.where)
    return nil, tostring(values)
  end

  local function show(values, reason) return values and json.encode(values) or reason end

  -- Sets a value: the text must mean to helm what it meant, and the new value.
  local function check_edit(case, before)
    local doc = helm_values.parse(case[2], "v.yaml")
    local ok, problem = pcall(doc.set, doc, "level", "EDITED")
    if ok then
      ok, problem = pcall(doc.set, doc, "zz_new", 5)
    end
    if case.rigid then
      assert.is_false(ok, case[1] .. " can be edited")
      return assert.matches("^v%.yaml:%d+$", problem.where, case[1])
    end
    assert.is_true(ok, case[1] .. ": " .. tostring(problem))
    before.level, before.zz_new = "EDITED", 5
    local after, reason = by_helm(doc:text())
    assert.is_table(after, reason)
    assert.equal(json.encode(before), json.encode(after), case[1])
  end

  it("are merged as helm merges them", function()
    for _, texts in ipairs(require("tests.reference.cases.values").several) do
      local merged = {}
      for _, text in ipairs(texts) do
        read.merge(merged, read.values(text, "v.yaml"))
      end
      assert.equal(json.encode(of_several(texts)), json.encode(merged), table.concat(texts, "---\n"))
    end
  end)

  it("mean what they mean to helm, and still do after an edit", function()
    local alike, different = 0, 0
    for _, case in ipairs(cases) do
      local theirs, their_reason = by_helm(case[2])
      local ours, our_reason = by_us(case[2])
      local same = (ours and content.hash_values(ours)) == (theirs and content.hash_values(theirs))
      local both = ("%s\nhelm: %s\no2x:  %s"):format(case[1], show(theirs, their_reason), show(ours, our_reason))
      assert.equal(not case.differs, same, both)
      if same then
        alike = alike + 1
      else
        different = different + 1
      end
      if same and ours then check_edit(case, theirs) end
    end
    assert.is_true(alike + different >= 120)
    print(("values: %d cases, %d alike, %d different on purpose"):format(#cases, alike, different))
  end)
end)
