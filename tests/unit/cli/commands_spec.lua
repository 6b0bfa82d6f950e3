local commands = require "o2x.cli.commands"
local proposed = require "o2x.report.proposed"

describe("the commands", function()
  it("each have a file that declares them", function()
    for _, name in ipairs(commands.names()) do
      local command = commands.find(name)
      assert.equal(name, command.name)
      assert.equal(name, command.usage:match "^[%l-]+")
      assert.is_true(#command.summary > 0)
      assert.equal("function", type(command.run))
    end
  end)

  it("are in one group only", function()
    local seen = {}
    for _, name in ipairs(commands.names()) do
      assert.is_nil(seen[name])
      seen[name] = true
    end
  end)

  it("that are not there are answered with the nearest", function()
    local ok, err = pcall(commands.find, "rum")
    assert.is_false(ok)
    assert.equal("input", err.kind)
    assert.matches("'rum'; did you mean run", err.message)
  end)

  it("stand before the tenant", function()
    proposed.called("o2x", { "urbanos", "rollback", "to=3" }, {})
    local _, err = pcall(commands.find, "urbanos", "rollback")
    proposed.called("o2x", {}, {})
    assert.same({ "rollback", "urbanos", "to=3" }, err.meant)
  end)

  it("stand before their options", function()
    local _, err = pcall(commands.option_first, { "--set", "a=b", "rollback", "urbanos" })
    assert.same({ "input", { "rollback", "urbanos", "--set", "a=b" } }, { err.kind, err.meant })
    _, err = pcall(commands.option_first, { "-x", "rollbak" })
    assert.is_nil(err.meant)
    assert.matches("o2x help lists", err.hint)
  end)

  it("are shown without control characters", function()
    local _, err = pcall(commands.find, "a\27[2J")
    assert.is_nil(err.message:find "%c")
  end)

  it("include the runbooks of the project, and the nearest of both is named", function()
    local command, runbook = commands.find "rollback"
    assert.same({ "run", "rollback" }, { command.name, runbook })
    assert.is_nil(select(2, commands.find "check"))
    local _, err = pcall(commands.find, "rolback")
    assert.matches("did you mean rollback", err.message)
    assert.matches("o2x list the runbooks", err.hint)
  end)
end)
