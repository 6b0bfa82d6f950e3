-- What other tenants have was known only from files that could be read: a file with a tab in it gave its tenant's
-- domain away, and so did the lack of a file, though platform.yaml and the registry knew the tenant.

local captured = require "tests.support.captured"
local folder = require "tests.support.folder"
local fs = require "o2x.base.fs"
local project = require "o2x.project.project"
local raised = require "tests.support.raised"
local sandbox = require "o2x.script.sandbox"
local tenants = require "o2x.project.tenants"

describe("what another tenant has", function()
  local place
  before_each(function()
    place = folder { ["platform.yaml"] = fs.read "examples/platform/platform.yaml" }
    fs.copy_tree("examples/platform/tenants", place:at "tenants")
  end)
  after_each(function() place:close() end)

  local function change(path, old, new)
    local text, count = fs.read(place:at(path)):gsub(old, new, 1)
    assert.equal(1, count)
    fs.write(place:at(path), text)
  end

  local function refused(message)
    captured(function()
      local problem = raised(tenants.load, sandbox.new(project.at(fs.cwd())), { platform = place.path }, "newclient")
      assert.matches(message, tostring(problem))
    end)
  end

  it("stays its own when its file is broken", function()
    fs.write(place:at "tenants/urbanos.yaml", "\tx")
    change("tenants/newclient.yaml", "\ndomain: [^\n]*", "\ndomain: urbanos.embrix.com")
    refused "newclient.yaml:7: .*belongs to urbanos"
  end)

  it("stays its own when platform.yaml lists it, and there is no file", function()
    change("platform.yaml", "custom_domains:[^\n]*", "custom_domains: {ghost: a.ghost.com, newclient: ghost.com}")
    change("tenants/newclient.yaml", "\ndomain: [^\n]*", "\ndomain: ghost.com")
    refused "ghost.com belongs to ghost"
  end)
end)
