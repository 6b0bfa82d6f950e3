-- A plan was applied though hooks or the tenant's own runbook had come since it was made: only scripts that were
-- changed or removed were noticed. And the command that the refusal proposed lacked the parameters.

local fs = require "o2x.base.fs"
local ok = require "tests.support.ok"
local toys = require "tests.support.toy"

describe("a plan in a file", function()
  local toy, file
  before_each(function()
    toy = toys.new()
    file = toy.dir .. "/build.plan"
  end)
  after_each(function() toy:__close() end)

  local function own()
    local path = toy.project .. "/runbooks/tenants/alpha/build.lua"
    fs.mkdir(fs.folder(path))
    fs.write(path, fs.read(toy.project .. "/runbooks/build.lua"))
    return path
  end

  local function plan_again(text) return text:match "plan again: o2x ([^\n]*)" end

  for what, come in pairs {
    ["hooks"] = function() fs.write(toy.project .. "/runbooks/hooks.lua", "return {}\n") end,
    ["a version of the tenant"] = function() own() end,
  } do
    it("is refused when scripts have come: " .. what, function()
      ok(toy:o2x { "plan", "build", "alpha", "--out=" .. file })
      come()
      local result = toy:o2x { "apply", file }
      assert.equal(3, result.code, result.stderr)
      assert.truthy(result.stderr:find("changed since the plan was made: ", 1, true), result.stderr)
      assert.same({}, toy:writes())
      local words = {}
      for word in plan_again(result.stderr):gmatch "%S+" do
        words[#words + 1] = word
      end
      ok(toy:o2x(words))
      ok(toy:o2x { "apply", file })
    end)
  end

  it("may be that of the standard runbook", function()
    local path = own()
    ok(toy:o2x { "plan", "build", "alpha", "--standard", "--out=" .. file })
    fs.append(toy.project .. "/runbooks/build.lua", "-- edited\n")
    local result = toy:o2x { "apply", file }
    assert.equal("plan build alpha --standard --out=" .. file, plan_again(result.stderr))
    ok(toy:o2x { "plan", "build", "alpha", "--standard", "--out=" .. file })
    ok(toy:o2x { "apply", file })
    ok(toy:o2x { "plan", "build", "alpha", "--out=" .. file })
    fs.remove(path)
    assert.truthy(toy:o2x({ "apply", file }).stderr:find("tenants/alpha/build.lua", 1, true))
  end)

  it("shows what has moved even where a new plan would be refused", function()
    toy:runbook("ours", 'toy.owned("lamp", { n = 1 })')
    ok(toy:o2x { "plan", "ours", "alpha", "--out=" .. file })
    fs.write(toy.system .. "/lamp", '{"n":0}')
    fs.write(toy.system .. "/.theirs-lamp", "")
    local result = toy:o2x { "apply", file }
    assert.equal(1, result.code)
    assert.truthy(result.stderr:find("PLANNED ON", 1, true), result.stderr)
    assert.equal(fs.read(toy.system .. "/lamp"), '{"n":0}')
  end)
end)
