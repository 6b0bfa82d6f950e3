-- One damaged file of a run over several tenants ended o2x runs, o2x resume and o2x runs prune with "not JSON", or with
-- a bug. A fleet that was refused for each tenant was unfinished, so o2x resume picked it up later.

local fs = require "o2x.base.fs"
local ok = require "tests.support.ok"
local toys = require "tests.support.toy"

describe("the request of a fleet", function()
  local toy
  before_each(function() toy = toys.new() end)
  after_each(function() toy:__close() end)

  for what, text in pairs {
    ["nothing"] = "",
    ["no JSON"] = "{garbage",
    ["a number"] = "7",
    ["an empty object"] = "{}",
    ["tenants that are a text"] = '{"id":"F-1","runbook":"build","tenants":"all","at":"2026-01-01T00:00:00Z"}',
  } do
    it(("that is %s hides no other run"):format(what), function()
      toy:runbook("stand", 'toy.ensure(tenant.name, { colour = "red" })')
      ok(toy:o2x { "run", "stand", "--tenants=alpha,beta" })
      local name = fs.list(toy.state .. "/fleets")[1]
      local path, id = toy.state .. "/fleets/" .. name, name:match "^(.*)%.json$"
      fs.write(path, text)
      local listed = ok(toy:o2x { "runs" }).stdout
      assert.matches(id:gsub("%p", "%%%0") .. "%s+damaged", listed)
      assert.matches("stand%s+alpha", listed)
      assert.equal(2, #toy:json { "runs", "--json" })
      assert.matches("no unfinished", toy:o2x({ "runs", "--unfinished" }).stderr)
      assert.matches("unfinished run", toy:o2x({ "resume" }).stderr)
      ok(toy:o2x { "runs", "prune", "--keep-last=1" })
      for _, words in ipairs {
        { "runs", id },
        { "resume", id },
        { "dismiss", id, "--reason=x" },
        { "verify", id },
        { "undo", id },
      } do
        local refused = toy:o2x(words)
        assert.equal(1, refused.code, refused.stderr)
        assert.matches("the request of " .. id:gsub("%p", "%%%0") .. " is damaged", refused.stderr)
        assert.is_nil(refused.stderr:find("bug", 1, true))
      end
      local remedy = toy:o2x({ "runs", id }).stderr:match "remove it: (.-); its runs stay"
      ok(toy:shell({}, "", remedy .. "; exit; "))
      assert.is_nil(ok(toy:o2x { "runs" }).stdout:find("damaged", 1, true))
    end)
  end

  it("that was refused for each tenant is nothing to go on with", function()
    toy:write("calendar.yaml", "freezes:\n  - name: all year\n    from: 2020-01-01\n    to: 2099-01-01\n")
    toy:write("o2x.yaml", "calendar: calendar.yaml\n")
    local refused = toy:o2x { "run", "build", "--tenants=alpha", "rooms=1" }
    assert.equal(5, refused.code)
    assert.matches("refused  build: 0 of 1 tenants\n$", refused.stderr)
    assert.matches(
      "to do it: o2x run build %-%-tenants=alpha rooms=1 %-%-override%-freeze %-%-reason=WHY\n",
      refused.stderr
    )
    assert.matches("no unfinished", toy:o2x({ "runs", "--unfinished" }).stderr)
    local kept = toy:o2x { "run", "build", "--tenants=alpha", "rooms=1", "--reason=burning" }
    local command = kept.stderr:match "to do it: ([^\n]+)"
    assert.equal("o2x run build --tenants=alpha rooms=1 --reason=burning --override-freeze", command)
  end)

  it("of which each run only looked is started again, and not resumed for ever", function()
    toy:runbook("look", 'fail("no")')
    local failed = toy:o2x { "run", "look", "--tenants=alpha,beta", "--keep-going" }
    assert.matches("next: o2x run look %-%-tenants=alpha,beta %-%-keep%-going\n$", failed.stderr)
  end)
end)
