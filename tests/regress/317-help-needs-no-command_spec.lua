-- o2x help loaded all commands to show a line of each.

local captured = require "tests.support.captured"
local commands = require "o2x.cli.commands"

describe("o2x help", function()
  it("loads no command", function()
    local before = {}
    for _, name in ipairs(commands.names()) do
      before[name], package.loaded["o2x.cli." .. name] = package.loaded["o2x.cli." .. name], nil
    end
    local shown = captured(function() commands.find("help").run({}, {}, commands) end)
    local loaded = {}
    for _, name in ipairs(commands.names()) do
      if package.loaded["o2x.cli." .. name] then loaded[#loaded + 1] = name end
      package.loaded["o2x.cli." .. name] = before[name]
    end
    assert.same({ "help" }, loaded)
    for _, name in ipairs(commands.names()) do
      assert.is_not_nil(shown:find("\n  o2x " .. name, 1, true), name)
    end
  end)

  it("says of each command what its own help says", function()
    local shown = captured(function() commands.find("help").run({}, {}, commands) end)
    for _, name in ipairs(commands.names()) do
      local command = commands.find(name)
      assert.is_not_nil(shown:find(("  o2x %s "):format(command.usage), 1, true), name)
      assert.is_not_nil(shown:find("  " .. command.summary, 1, true), name)
    end
  end)
end)
