-- A deployment that had rolled everything back said that a resumed run fails again, and then "next: o2x resume".

local ok = require "tests.support.ok"
local toys = require "tests.support.toy"

describe("a run that has put everything back itself", function()
  it("is started again, as its hint says, and that works when it is pasted", function()
    local toy <close> = toys.new()
    toy:runbook(
      "deploy",
      [[
      step("Release", function() toy.ensure("app", { image = params.image }) end)
      if params.image == "bad" then
        step("Roll back", function() toy.ensure("app", { image = "old" }) end)
        fail("it is back", "fix the cause, then start again: o2x run deploy " .. tenant.name .. " image=good")
      end]],
      'params = { image = { "string", help = "an image" } },'
    )
    local failed = toy:o2x { "run", "deploy", "alpha", "image=bad" }
    assert.equal(1, failed.code)
    local command = failed.stderr:match "next: ([^\n]+)\n$"
    assert.equal("o2x run deploy alpha image=good", command)
    ok(toy:shell({}, "", ('P=("$@"); o2x() { "${P[@]}" "$@"; }; %s; exit; '):format(command)))
    assert.same({ image = "good" }, toy:holds().app)
    assert.same({}, toy:json { "runs", "--unfinished", "--json" })
  end)
end)
