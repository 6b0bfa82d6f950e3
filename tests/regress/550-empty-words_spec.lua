-- A variable of the shell that is not set leaves an empty word: o2x init "$DIR" filled the root folder, o2x defs "$DIR"
-- wrote there, and o2x log TENANT --kind="$KIND" looked for a kind without a name. Each command refuses empty words.

local commands = require "o2x.cli.commands"
local fs = require "o2x.base.fs"
local toys = require "tests.support.toy"

describe("an empty word", function()
  local toy
  setup(function() toy = toys.new() end)
  teardown(function() toy:__close() end)

  local function refused(words, what)
    local result = toy:o2x(words)
    local line = ("o2x: %s: %s is empty\n"):format(words[1], what)
    assert.equal(3, result.code, result.stderr)
    assert.equal(line, result.stderr:sub(1, #line))
    assert.truthy(result.stderr:find("is a variable of the shell not set?", 1, true))
    assert.equal("", result.stdout)
  end

  for _, name in ipairs(commands.names()) do
    local command = name ~= "lab" and commands.find(name) -- a program of its own, with the same parser
    it("is no argument of o2x " .. name, function()
      if not command or command.most == 0 then return end
      refused({ name, "" }, "argument 1")
      refused({ name, "--quiet", "--", "x", "" }, "argument 2")
    end)
    for _, option in ipairs(command and command.options or {}) do
      it(("is no value of o2x %s --%s"):format(name, option[1]), function()
        if not option.value then return end
        refused({ name, ("--%s="):format(option[1]) }, "--" .. option[1])
        refused({ name, "--" .. option[1], "" }, "--" .. option[1])
      end)
    end
  end

  it("makes no project in the root folder", function()
    local before = fs.list "/"
    refused({ "init", "" }, "argument 1")
    refused({ "defs", "" }, "argument 1")
    assert.same(before, fs.list "/")
  end)
end)
