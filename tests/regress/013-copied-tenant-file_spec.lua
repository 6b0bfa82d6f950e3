-- A tenant file that was copied from another's, and kept its domain or named its database, was taken: the run planned
-- and wrote in the other tenant's place.

local fs = require "o2x.base.fs"
local folder = require "tests.support.folder"
local project = require "o2x.project.project"
local raised = require "tests.support.raised"
local sandbox = require "o2x.script.sandbox"
local tenants = require "o2x.project.tenants"

describe("a copied tenant file", function()
  local function refused(line, changed, message)
    local place <close> = folder { ["platform.yaml"] = fs.read "examples/platform/platform.yaml" }
    fs.copy_tree("examples/platform/tenants", place:at "tenants")
    local path = place:at "tenants/newclient.yaml"
    local text, count = fs.read(path):gsub(line, changed)
    assert.equal(1, count)
    fs.write(path, text)
    local problem = raised(tenants.load, sandbox.new(project.at(fs.cwd())), { platform = place.path }, "newclient")
    assert.equal("input", problem.kind)
    assert.matches(message, tostring(problem))
  end

  it(
    "cannot keep the other's domain",
    function() refused("\ndomain: [^\n]*", "\ndomain: urbanos.embrix.com", "newclient.yaml:7: .*belongs to urbanos") end
  )

  it("cannot name the other's database, or the server's, or the registry's", function()
    local function database(name) return ("overrides: {database: %s}\nregion: "):format(name) end
    refused("region: ", database "coredb-urbanos", "newclient.yaml:6: .*coredb%-urbanos")
    refused("region: ", database "postgres", "newclient.yaml:6: .*belongs to the server")
    refused("region: ", database "enginedevdb", "newclient.yaml:6: .*the control database")
  end)
end)
