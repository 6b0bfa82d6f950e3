-- A secret that was also a name of the run was masked in its records: nobody could resume the run or read its messages.

local fs = require "o2x.base.fs"
local toys = require "tests.support.toy"

describe("a secret that is also a name which the run needs", function()
  for text, what in pairs {
    gardening = "the runbook's name",
    ["alpha.toy.example"] = "the tenant's domain",
    desired = "a word of the records",
    evergreen = "the parameter kind",
    ["written here"] = "in the script runbooks/gardening.lua",
    [os.date "!%Y-%m-%d"] = "today's date",
  } do
    it("is refused before anything is done: " .. text, function()
      local toy <close> = toys.new()
      toy:write("platform/platform.yaml", "domain: toy.example\n")
      toy:runbook(
        "gardening",
        '-- written here\nstep("plant", function() toy.ensure("tree", 1) end)',
        'params = { kind = { "string", default = "none" } },'
      )
      local path = toy.dir .. "/secrets.yaml"
      fs.write(path, ("garden:\n  gate: '%s'\n"):format(text), { mode = tonumber("600", 8) })
      for _, command in ipairs { "run", "plan" } do
        local words = { command, "gardening", "alpha", "kind=evergreen", "--secrets=" .. path }
        local result = toy:o2x(words)
        assert.equal(3, result.code, result.stderr)
        assert.matches("^o2x: the secret garden/gate is also " .. what:gsub("%W", "%%%0"), result.stderr)
        assert.matches("\n     %l[^\n]+\n$", result.stderr) -- the way out
      end
      assert.same({}, toy:writes())
      local state = fs.exists(toy.state) and fs.list(toy.state) or {}
      assert.is_nil(table.concat(state, " "):find("R%-%d"), "a run was recorded")
    end)
  end
end)
