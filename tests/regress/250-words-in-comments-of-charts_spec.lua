-- A chart was rendered twice, and never known again, if a word such as "values" or "now" stood in a comment, a message
-- or the name of a field: so were all charts of the platform.
local chart = require "o2x.client.helm.chart"
local fs = require "o2x.base.fs"
local proc = require "o2x.base.proc"

describe("a chart", function()
  it("of the platform, or of helm create, is not taken for one that may give something else each time", function()
    local tree, count = fs.realpath "examples/platform", 0
    local found = proc.run {
      argv = { "find", "-L", tree, "-path", "*/charts/*/Chart.yaml", "-not", "-path", "*/charts/*/charts/*" },
    }
    for path in found.stdout:gmatch "[^\n]+" do
      assert.is_false(chart.inspect(fs.folder(path), tree).volatile, path)
      count = count + 1
    end
    assert.equal(17, count)
    local folder = fs.realpath(fs.temp_folder())
    assert.equal(0, proc.run({ argv = { "helm", "create", "demo" }, cwd = folder }).code)
    local about = chart.inspect(fs.join(folder, "demo"), folder)
    fs.remove_tree(folder)
    assert.same({ false, false, false }, { about.volatile, about.clock, about.operation })
  end)
end)
