-- The rules of the house (tests/support/house.lua) hold, and each finds a fault that is planted in a made-up tree.

local house = require "tests.support.house"

local rules = house.rules

-- The smallest tree without a fault.
local function sound()
  return {
    ["lua/o2x/main.lua"] = 'local run = require "o2x.engine.run"\nreturn require "o2x.cli.version"',
    ["lua/o2x/cli/version.lua"] = 'return require "o2x.base.clock"',
    ["lua/o2x/engine/run.lua"] = 'return this.sandbox:require("stdlib.platform")',
    ["lua/o2x/base/clock.lua"] = 'return require "o2x.core.clock"',
    ["lua/o2x/script/runbook.lua"] = "return {}",
    ["lua/o2x/effects/vault.lua"] = "return {}",
    ["lua/lab/main.lua"] = 'return require "o2x.base.clock"',
    ["stdlib/platform.lua"] = 'return require "o2x.vault"',
    ["runbooks/deploy.lua"] = 'return require "o2x.runbook" { stdlib = require "stdlib.platform" }',
    ["host/clock.c"] = '#include "host.h"\nint luaopen_o2x_core_clock(lua_State *L)\n{\n}\n',
    ["host/host.h"] = "",
    ["host/loop.c"] = '#include <uv.h>\n#include "host.h"\n',
    ["host/task.c"] = '#include "host.h"\nint a = lua_resume(L);\nint b = lua_yieldk(L);\n',
  }
end

-- What a rule says of the sound tree with some files put in or changed.
local function says(rule, changes)
  local tree = sound()
  for path, text in pairs(changes) do
    tree[path] = text
  end
  return rules[rule](house.new(tree))
end

describe("this tree", function()
  local real = house.new(house.read ".")

  for name, rule in pairs(rules) do
    it("keeps the rule: " .. name, function() assert.same({}, rule(real)) end)
  end

  it("is read whole", function()
    local files, arrows = real:rooms()
    for _, room in ipairs(house.STOREYS) do
      assert.is_true(files[room] > 0, room)
      assert.is_true(room == "base" or room == "main" or arrows[room].base > 0, room)
    end
    assert.is_true(arrows.base.host > 5)
    assert.is_true(arrows.runbooks.stdlib > 5)
    assert.is_true(arrows.main.cli > 0)
  end)
end)

describe("a sound tree", function()
  for name in pairs(rules) do
    it("is not complained about: " .. name, function() assert.same({}, says(name, {})) end)
  end
end)

describe("a planted fault is found:", function()
  it(
    "a require that goes up",
    function()
      assert.same(
        { "lua/o2x/base/clock.lua:2: base may not use cli (lua/o2x/cli/version.lua)" },
        says("down", { ["lua/o2x/base/clock.lua"] = '\nrequire "o2x.cli.version"' })
      )
    end
  )

  it("a lazy require that goes up", function()
    local found = says("down", { ["lua/o2x/base/clock.lua"] = 'local v = lazy "o2x.cli.version"' })
    assert.equal(1, #found)
  end)

  it("a require in protected mode that goes up", function()
    local found = says("down", { ["lua/o2x/base/clock.lua"] = 'pcall(require, "o2x.cli.version")' })
    assert.equal(1, #found)
  end)

  it("a require by a name that is put together that goes up", function()
    local found =
      says("down", { ["lua/o2x/base/clock.lua"] = 'for _, n in ipairs { "version" } do require("o2x.cli." .. n) end' })
    assert.equal(1, #found)
  end)

  it("the program requires the lab", function()
    local found = says("down", {
      ["lua/o2x/cli/version.lua"] = 'require "lab.httpd"',
      ["lua/lab/httpd.lua"] = "",
    })
    assert.same({ "lua/o2x/cli/version.lua:1: cli may not use lab (lua/lab/httpd.lua)" }, found)
  end)

  it("the lab requires the engine", function()
    local found = says("down", { ["lua/lab/main.lua"] = 'require "o2x.engine.run"' })
    assert.same({ "lua/lab/main.lua:1: lab may not use engine (lua/o2x/engine/run.lua)" }, found)
  end)

  it("the lab requires a command", function()
    local found = says("down", { ["lua/lab/main.lua"] = 'require "o2x.cli.version"' })
    assert.same({ "lua/lab/main.lua:1: lab may not use cli (lua/o2x/cli/version.lua)" }, found)
  end)

  it("stdlib requires a runbook", function()
    local found = says("down", { ["stdlib/platform.lua"] = 'require "runbooks.deploy"' })
    assert.same({ "stdlib/platform.lua:1: stdlib may not use runbooks (runbooks/deploy.lua)" }, found)
  end)

  it("the program asks stdlib for more than the platform", function()
    local found = says("contract", {
      ["lua/o2x/engine/run.lua"] = 'sandbox:require("stdlib.deploy")',
      ["stdlib/deploy.lua"] = "",
    })
    assert.same(
      { "lua/o2x/engine/run.lua:1: asks for stdlib/deploy.lua; the program knows only stdlib/platform.lua" },
      found
    )
  end)

  it("a cycle between Lua files", function()
    local found = says("cycle", {
      ["lua/o2x/base/clock.lua"] = 'local units = lazy "o2x.base.units"',
      ["lua/o2x/base/units.lua"] = 'local clock = require "o2x.base.clock"',
    })
    assert.same({ "lua/o2x/base/clock.lua > lua/o2x/base/units.lua > lua/o2x/base/clock.lua" }, found)
  end)

  it("a cycle between C files", function()
    local found = says("cycle", {
      ["host/net.c"] = '#include "net.h"\n#include "tls.h"\n',
      ["host/net.h"] = "",
      ["host/tls.c"] = '#include "tls.h"\n',
      ["host/tls.h"] = '#include "net.h"\n',
    })
    assert.same({ "host/net.c > host/tls.c > host/net.c" }, found)
  end)

  it("a Lua file in no room", function()
    assert.same({ "lua/o2x/gate.lua: stands in no room" }, says("room", { ["lua/o2x/gate.lua"] = "" }))
    assert.same({ "lua/o2x/util/gate.lua: stands in no room" }, says("room", { ["lua/o2x/util/gate.lua"] = "" }))
    assert.same({ "lua/gate.lua: stands in no room" }, says("room", { ["lua/gate.lua"] = "" }))
  end)

  it("a module that is not there", function()
    local found = says("missing", { ["lua/o2x/base/clock.lua"] = 'require "o2x.core.sundial"' })
    assert.same({ "lua/o2x/base/clock.lua:1: there is no module o2x.core.sundial" }, found)
  end)

  it("a module that nothing requires", function()
    assert.same({ "lua/o2x/base/units.lua: nothing requires it" }, says("dead", { ["lua/o2x/base/units.lua"] = "" }))
    assert.same({ "stdlib/deploy.lua: nothing requires it" }, says("dead", { ["stdlib/deploy.lua"] = "" }))
  end)

  it("a native module that nothing requires", function()
    local found = says("dead", { ["lua/o2x/base/clock.lua"] = "return {}" })
    assert.same({ "host/clock.c: nothing requires it" }, found)
  end)

  it("a second place that resumes, yields or talks to libuv", function()
    for _, code in ipairs { "lua_resume(L)", "lua_yieldk(L)", "lua_yield(L, 0)" } do
      assert.equal(1, #says("single_place", { ["host/clock.c"] = "int x = " .. code .. ";\n" }), code)
    end
    local found = says("single_place", { ["host/clock.c"] = "# include <uv.h>\n" })
    assert.same({ "host/clock.c: includes <uv.h>; only host/loop.c does" }, found)
  end)

  it("a long C file", function()
    assert.same({}, says("length", { ["host/clock.c"] = ("\n"):rep(500) }))
    assert.same({ "host/clock.c: 501 lines; 500 at most" }, says("length", { ["host/clock.c"] = ("\n"):rep(501) }))
  end)

  it(
    "a host that names a tenant",
    function()
      assert.same({ "host/clock.c: names tenants" }, says("plain_host", { ["host/clock.c"] = "int tenant_id;\n" }))
    end
  )
end)

describe("text that is no code", function()
  it("requires nothing", function()
    local text = [==[
      -- require "o2x.cli.version"
      --[[ require "o2x.cli.version" ]]
      local example = [[ local v = require "o2x.cli.version" ]]
      local other = "require 'o2x.cli.version'"
    ]==]
    assert.same({}, says("down", { ["lua/o2x/base/clock.lua"] = text }))
  end)

  it("resumes and includes nothing", function()
    local text = '/* lua_resume(L);\n#include "task.h" */\n// lua_yieldk(L)\nchar *s = "lua_resume(L)";\n'
    assert.same({}, says("single_place", { ["host/clock.c"] = text }))
    assert.same({}, house.new({ ["host/clock.c"] = text, ["host/task.h"] = "" }).uses)
  end)
end)
