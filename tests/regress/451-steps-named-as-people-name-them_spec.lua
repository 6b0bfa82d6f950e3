-- Names of steps with quotes, dollars and slashes are taken back one by one, and each command that a message proposes
-- works when it is pasted.

local ok = require "tests.support.ok"
local toys = require "tests.support.toy"

local NAMES <const> = { 'it\'s a "roof"', "$HOME `id` \\\\ ; exit 9", "  two  spaces ", "#1", "größer", "a: b" }

describe("a step", function()
  local toy
  setup(function()
    toy = toys.new()
    local lines = {}
    for i, name in ipairs(NAMES) do
      lines[#lines + 1] = ("step(%q, function() toy.ensure('roof-%d', { colour = 'red' }) end)"):format(name, i)
      lines[#lines + 1] = ("step(%q, function() toy.ensure('roof-%d', { colour = 'blue' }) end)"):format(name .. "!", i)
    end
    toy:runbook("odd", table.concat(lines, "\n"))
    ok(toy:o2x { "run", "odd", "alpha" })
  end)
  teardown(function() toy:__close() end)

  local function paste(command)
    return toy:shell({}, "", ('P=("$@"); o2x() { "${P[@]}" "$@"; }; %s; exit; '):format(command))
  end

  for i, name in ipairs(NAMES) do
    it(("named %s is taken back as it is proposed"):format(name), function()
      local runs = toy:json { "runs", "--json" }
      local id, paths = runs[1].id, {}
      for _, step in ipairs(toy:json({ "show", id, "--json" }).steps) do
        paths[#paths + 1] = step.path
      end
      local first = toy:o2x { "undo", ("%s#%s"):format(id, paths[2 * i - 1]) }
      assert.equal(1, first.code, first.stdout)
      local later = ok(paste(first.stderr:match "take that back first: ([^\n]+)")).stdout
      ok(paste(later:match "To undo: ([^\n]+)"))
      assert.same({ colour = "red" }, toy:holds()["roof-" .. i])
      local plan = ok(toy:o2x { "undo", ("%s#%s"):format(id, paths[2 * i - 1]) }).stdout
      ok(paste(plan:match "To undo: ([^\n]+)"))
      assert.is_nil(toy:holds()["roof-" .. i])
    end)
  end

  it("that is not named is asked for", function()
    local result = toy:o2x { "undo", toy:json({ "runs", "--json" })[1].id .. "#" }
    assert.equal(3, result.code)
    assert.truthy(result.stderr:find("no step after #", 1, true), result.stderr)
  end)
end)
