-- The program that was built from the sources could not make a project outside of them: "no project", with a hint that
-- led nowhere. And a runbook's name there was an unknown command that o2x list was to show, which failed as well.

local defer = require "o2x.base.defer"
local fs = require "o2x.base.fs"
local ok = require "tests.support.ok"
local proc = require "o2x.base.proc"

describe("outside of any project", function()
  local function o2x(words, cwd)
    local argv = { fs.realpath "build/o2x", table.unpack(words) } -- beside the sources, whatever is tested
    return proc.run { argv = argv, cwd = cwd, env = { HOME = cwd, KUBECONFIG = "/nonexistent" } }
  end

  it("a project is made", function()
    local folder = fs.temp_folder "/tmp/o2x-test-anywhere-"
    local _remove <close> = defer(function() fs.remove_tree(folder) end)
    assert.matches("init FOLDER makes one", o2x({ "doctor" }, folder).stderr)
    ok(o2x({ "init", "ours" }, folder))
    ok(o2x({ "check" }, folder .. "/ours"))
    ok(o2x({ "list" }, folder .. "/ours/platform"))
  end)

  it("a runbook's name is no command, and the message says where it is one", function()
    local folder = fs.temp_folder "/tmp/o2x-test-anywhere-"
    local _remove <close> = defer(function() fs.remove_tree(folder) end)
    local refused = o2x({ "rollback", "urbanos" }, folder)
    assert.equal(3, refused.code)
    assert.truthy(refused.stderr:find("in a project a runbook's name is one, too: cd to the project", 1, true))
    assert.is_nil(refused.stderr:find("o2x list", 1, true))
  end)
end)
