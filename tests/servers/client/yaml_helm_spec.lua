-- YAML against the real helm: it must read what we read, and read what we write.
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local proc = require "o2x.base.proc"
local yaml = require "o2x.base.yaml"

local TEXT = [[
scalars: [y, N, yes, No, on, Off, 0o17, 08, 1_000, +12, 1e3, 0b101, -0b101, -0777, 12e03, .5, 1., 1:30, 12:30:45,
  2026-02-14, "y", 0x, 0x1F, 1e400, -0, +, "-", ~,
  null, Null, nUll, yEs, v2.5.0, 1.2.3, 2Gi, 1000m, "6379", 6379, '', "", a b, a-b, .]
tags: [!!float 1, !!int "12", ! 12, !!str 12, !!bool "yes", !!null ""]
1: a
1.5: b
on: t
base: &base {cpu: 1, m: 2}
late: {cpu: 0, <<: *base}
early: {<<: *base, cpu: 0}
list: {<<: [*base, {cpu: 7, q: 1}]}
text: |
  a
   b

  c
keep: |+
  a

fold: >-
  a
  b

  c
plain: a
  b
empty: {}
none: []
]]

describe("helm", function()
  local chart

  setup(function()
    chart = fs.temp_folder()
    fs.write(fs.join(chart, "Chart.yaml"), "apiVersion: v2\nname: c\nversion: 1.0.0\n")
    fs.write(fs.join(chart, "templates/a.yaml"), "{{ .Values | toJson }}\n", { parents = true })
  end)
  teardown(function() fs.remove_tree(chart) end)

  local function by_helm(text)
    fs.write(fs.join(chart, "v.yaml"), text)
    local result = proc.run { argv = { "helm", "template", "x", chart, "-f", fs.join(chart, "v.yaml") }, check = false }
    assert.equal("", result.stderr)
    return json.encode(json.decode(result.stdout:match "\n({.*})"))
  end

  it("reads YAML as we do", function() assert.equal(by_helm(TEXT), json.encode(yaml.decode(TEXT))) end)

  it("reads what we write", function()
    math.randomseed(17)
    local atoms = {
      "a",
      " ",
      "\n",
      ":",
      "#",
      "-",
      "'",
      '"',
      "\\",
      "1",
      "\t",
      "é",
      "{",
      ",",
      "]",
      "x: y",
      "no",
      "|",
      "!",
      "e3",
      "0",
      ".",
      "_",
      "~",
      "on",
      "%",
      "@",
      "`",
      "&",
      "*",
      "?",
    }
    local values = {}
    for i = 1, 3000 do
      local parts = {}
      for j = 1, math.random(0, 5) do
        parts[j] = atoms[math.random(#atoms)]
      end
      values["k" .. i] = { text = table.concat(parts), [table.concat(parts)] = i }
    end
    values.nested = { { { 1, { a = { "x", {}, json.array {} } } } }, true, 2.5, -3, 1e300 }
    assert.equal(json.encode(values), by_helm(yaml.encode(values)))
  end)
end)
