-- Commands were proposed that did not work: with the --set that had just been refused, with options behind --, and by
-- the name o2x where the program is in PATH under another.

local build = require "tests.support.build"
local defer = require "o2x.base.defer"
local fs = require "o2x.base.fs"
local ok = require "tests.support.ok"
local proc = require "o2x.base.proc"
local toys = require "tests.support.toy"

describe("a proposed command", function()
  it("has no --set that was wrong", function()
    local toy <close> = toys.new()
    local refused = toy:o2x { "list", "--set=log.colour=1", "--set=retry.seconds=3" }
    assert.equal(3, refused.code)
    assert.truthy(refused.stderr:find("o2x config --set=retry.seconds=3 explain lists", 1, true), refused.stderr)
    ok(toy:o2x { "config", "--set=retry.seconds=3", "explain" })
  end)

  it("has its options before --", function()
    local toy <close> = toys.new()
    toy:runbook("raze", [[ step("one", function() toy.ensure("one", { 1 }) end) ]], "severe = true,")
    local refused = toy:o2x { "raze", "--", "alpha" }
    assert.equal("raze --confirm=alpha -- alpha", refused.stderr:match "to do it: o2x ([^\n]+)")
    ok(toy:o2x { "raze", "--confirm=alpha", "--", "alpha" })
  end)

  it("calls a link in PATH by its name, and what is not there by none", function()
    local folder = fs.temp_folder "/tmp/o2x-test-link-"
    local _remove <close> = defer(function() fs.remove_tree(folder) end)
    for name, shown in pairs { ["ops"] = "ops", ["our o2x"] = "'our o2x'", ["o2x"] = "o2x" } do
      local link = folder .. "/" .. name
      assert.equal(0, proc.run({ argv = { "ln", "-s", fs.realpath(build.o2x), link } }).code)
      local script = ('exec -a "$1" "%s" list'):format(link)
      local function called(path)
        local env = { PATH = path, HOME = folder, O2X_COMMAND = "" }
        return proc.run({ argv = { "/bin/bash", "-c", script, "bash", name }, cwd = folder, env = env })
      end
      -- outside of a project a wrong command is answered with one that works anywhere
      script = script:gsub(" list$", " rum")
      local hint = " help lists the commands"
      assert.truthy(called(folder).stderr:find("     " .. shown .. hint, 1, true))
      assert.truthy(called("/nonexistent").stderr:find("     o2x" .. hint, 1, true))
    end
  end)
end)
