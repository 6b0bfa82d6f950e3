local reach = require "o2x.script.check.reach"

-- The names of the globals that are called from a runbook's text, with the file and the line that led there.
local function called(text, modules)
  local files = {}
  for name, source in pairs(modules or {}) do
    files[name] = reach.file(source, name)
  end
  local file, found = reach.file(text, "main"), {}
  local function global(node)
    return node.k == "call" and node.fn.k == "name" and not node.fn.var and node.fn.name ~= "require" and node.fn.name
  end
  reach.from(
    file,
    file.tree,
    function(name) return files[name] end,
    global,
    function(at, _, origin, name) found[#found + 1] = ("%s in %s from %d"):format(name, at.shown, origin.line) end
  )
  return found
end

describe("reach.from", function()
  it("goes through functions of modules, and of modules of those", function()
    local modules = {
      ["stdlib.a"] = 'local b = require "stdlib.b" local M = {} function M.go() b.go() end return M',
      ["stdlib.b"] = "local M = {} function M.go() done() end return M",
    }
    assert.same({ "done in stdlib.b from 2" }, called('local a = require "stdlib.a"\na.go()', modules))
  end)

  it("does not look at what is not used", function()
    local modules = { ["stdlib.a"] = "local M = {} function M.go() end function M.other() done() end return M" }
    assert.same({}, called('local a = require "stdlib.a"\na.go()', modules))
  end)

  it("goes through local functions and functions that are passed on", function()
    local modules = { ["stdlib.a"] = "local M = {} local function f() done() end function M.go() f() end return M" }
    assert.same(
      { "step in main from 2", "done in stdlib.a from 2" },
      called('local a = require "stdlib.a"\nstep("x", a.go)', modules)
    )
  end)

  it("ends where functions call each other", function()
    local loop = "local M = {} function M.a() M.b() done() end function M.b() M.a() end return M"
    assert.same({ "done in stdlib.a from 1" }, called('local a = require "stdlib.a" a.a()', { ["stdlib.a"] = loop }))
  end)
end)
