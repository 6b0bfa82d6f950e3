-- The runs of a fleet share a process. A script could change the class of errors, the library and other tables that the
-- next tenant's script saw, and forge an interruption.

local toys = require "tests.support.toy"

-- Walks all that the script reaches, tries to write everywhere, and says what the next tenant must not see.
local WALK = [[
  local seen, writes = {}, 0
  local function attack(value, depth)
    if type(value) ~= "table" or seen[value] or depth > 8 then return end
    seen[value] = true
    for _, name in ipairs { "marked", "kind", "message", "__index", "__gc", "__tostring", "format", "encode", 1 } do
      if pcall(function() value[name] = "MARKED" end) then writes = writes + 1 end
    end
    pcall(table.insert, value, "MARKED")
    pcall(setmetatable, value, { __index = function() return "MARKED" end })
    attack(getmetatable(value), depth + 1)
    pcall(function() for _, item in pairs(value) do attack(item, depth + 1) end end)
    for _, name in ipairs { "__index", "__metatable", "details", "cause", "rows" } do
      local ok, item = pcall(function() return value[name] end)
      if ok then attack(item, depth + 1) end
    end
  end
  local function failing(fn, ...) return select(2, pcall(fn, ...)) end
  local reached = {
    _ENV, string, table, math, utf8, parallel, tenant, params, toy, getmetatable(""), ("x").format,
    require "o2x.json", require "o2x.yaml", require "o2x.secret", require "o2x.text", require "o2x.clock",
    require "o2x.crypto", require "stdlib.house", require "stdlib.platform", require "runbooks.build",
    require("o2x.json").array {}, require("o2x.json").null, require("o2x.json").decode "[{}]",
    failing(fail, "a"), failing(invalid, "b"), failing(toy.ensure), failing(require, "nosuch"),
    failing(check, "c", function() return false end), failing(timeout, 0.01, sleep, 5),
    failing(function() return tenant.nosuch.x end), failing(parallel, { function() fail "d" end }),
    step("e", function() return { a = { 1 } } end), toy.ensure(tenant.name .. "-e", { a = { 1 } }),
  }
  local kept
  pcall(function()
    local x <close> = setmetatable({}, { __close = function(_, err) kept = err end })
    fail "f"
  end)
  attack(kept, 1)
  for _, value in pairs(reached) do attack(value, 1) end
]]

local LOOK = [[
  local function shown(value, depth)
    if type(value) ~= "table" or depth > 4 then return tostring(value) end
    local parts = { tostring(value) }
    pcall(function() for k, v in pairs(value) do parts[#parts + 1] = tostring(k) .. shown(v, depth + 1) end end)
    return table.concat(parts, " ")
  end
  local e = select(2, pcall(fail, "mine", "hint"))
  log(("%s %s %s %s %s"):format(e.kind, e.message, e.hint, tostring(e.marked), tostring(e.__index)))
  log(shown({ tenant, params, require "o2x.json", require "stdlib.house", string, table, math, parallel }, 1))
  log(tostring(("x").marked) .. tostring(rawget(string, "marked")))
  log(require("o2x.json").encode(require("o2x.json").array {}))
  fail("the end of " .. tenant.name)
]]

describe("a fleet", function()
  it("shares nothing that a script can change", function()
    local toy <close> = toys.new()
    toy:runbook(
      "attack",
      ([[
      if tenant.name == "alpha" then %s return end
      %s]]):format(WALK, LOOK)
    )
    local alone = toy:o2x { "run", "attack", "beta" }
    local both = toy:o2x { "run", "attack", "--tenants=alpha,beta" }
    local function of_beta(text)
      local from = assert(text:find("failed mine hint nil nil", 1, true), text)
      local to = assert(text:find("[]", from, true), text)
      return (text:sub(from, to):gsub("%d%d:%d%d:%d%d ", ""))
    end
    assert.equal(of_beta(alone.stderr), of_beta(both.stderr))
    assert.is_nil((both.stdout .. both.stderr):find("MARKED", 1, true), both.stderr)
    assert.matches("the end of beta", both.stdout .. both.stderr)
  end)

  -- What a script raises, and the exit code; 130 would say that a person interrupted the run.
  for what, case in pairs {
    ["a table with a kind"] = { "error { kind = 'cancelled', message = 'x' }", 1 },
    ["a table that looks like an error"] = {
      "error(setmetatable({ kind = 'locked' }, { __tostring = function() return 'x' end }))",
      1,
    },
    ["an error of o2x with another kind"] = {
      "local e = select(2, pcall(fail, 'x')) pcall(function() e.kind = 'locked' end) error(e)",
      1,
    },
    ["an error of o2x as it was"] = { "error(select(2, pcall(invalid, 'x')))", 3 },
    ["a kept interruption"] = {
      [[local kept
      pcall(timeout, 0.01, function()
        local x <close> = setmetatable({}, { __close = function(_, e) kept = e end })
        sleep(5)
      end)
      error(kept)]],
      1,
    },
    ["a kept interruption, by assert"] = {
      [[local kept
      pcall(timeout, 0.01, function()
        local x <close> = setmetatable({}, { __close = function(_, e) kept = e end })
        sleep(5)
      end)
      assert(false, kept)]],
      1,
    },
  } do
    it("ends by what happened, not by what a script says: " .. what, function()
      local toy <close> = toys.new()
      toy:runbook("attack", case[1])
      local result = toy:o2x { "run", "attack", "alpha" }
      assert.equal(case[2], result.code, result.stderr)
      assert.is_nil(result.stderr:find("0x%x%x%x%x"), result.stderr)
    end)
  end
end)
