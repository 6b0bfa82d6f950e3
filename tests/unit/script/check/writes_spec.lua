local reach = require "o2x.script.check.reach"
local writes = require "o2x.script.check.writes"

-- What is said of a runbook's body whose declaration has these effects.
local function found(text, effects, modules)
  local list = {}
  local file = reach.file('local vault = require "o2x.vault"\nlocal pg = require "o2x.pg"\n' .. text, "main")
  writes.check {
    file = file,
    tree = file.tree,
    effects = effects or {},
    load = function(name) return modules and modules[name] and reach.file(modules[name], name) end,
    problem = function(line, message, hint) list[#list + 1] = { line = line, message = message, hint = hint } end,
  }
  return list
end

describe("an undeclared effect", function()
  it("is found where an api writes, with the word to add", function()
    local list = found 'vault.ensure("x", {})'
    assert.equal(1, #list)
    assert.equal(3, list[1].line)
    assert.matches("vault.ensure", list[1].message)
    assert.matches('"vault:write"', list[1].hint)
  end)

  it("is none where it is declared, or only read", function()
    assert.same({}, found('vault.ensure("x", {})', { "vault:write" }))
    assert.same({}, found 'vault.read("x")')
  end)

  it("is told once for each word", function()
    local list = found 'vault.ensure("x", {}) vault.ensure("y", {}) pg.tenant:ensure_row("t", {}, {})'
    assert.equal(2, #list)
  end)

  it("is found through an object of the api, and through a local of it", function()
    assert.equal(1, #found 'pg.tenant:ensure_row("t", {}, {})')
    assert.equal(1, #found 'local db = pg.tenant db:ensure_row("t", {}, {})')
  end)

  it("is found through a library, at the line that called it", function()
    local modules = {
      ["stdlib.house"] = 'local v = require "o2x.vault" local M = {} function M.build() v.ensure("x", {}) end return M',
    }
    local list = found('local house = require "stdlib.house"\n\nhouse.build()', nil, modules)
    assert.equal(1, #list)
    assert.equal(5, list[1].line)
    assert.matches("stdlib.house:1", list[1].message)
  end)
end)
