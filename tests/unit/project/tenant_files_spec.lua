local captured = require "tests.support.captured"
local folder = require "tests.support.folder"
local raised = require "tests.support.raised"
local tenant_files = require "o2x.project.tenant_files"

describe("the files of tenants", function()
  local place, config
  before_each(function()
    place = folder {
      ["platform.yaml"] = "domain: example.com\n",
      ["tenants/acme.yaml"] = "name: acme\n",
      ["tenants/broken.yaml"] = "a: [\n",
      ["tenants/odd.bak.yaml"] = "name: odd\n",
      ["tenants/zeta.yaml"] = "name: zeta\nid: T-1\n",
    }
    config = { platform = place.path }
  end)
  after_each(function() place:close() end)

  it("are found by their names", function()
    assert.same({ "acme", "broken", "odd.bak", "zeta" }, tenant_files.names(config))
    assert.same({}, tenant_files.names { platform = place:at "nothing" })
    assert.equal(place:at "tenants/acme.yaml", tenant_files.path(config, "acme"))
  end)

  it("say what they say, with platform.yaml", function()
    local files = tenant_files.read(config)
    assert.equal("example.com", files.settings.domain)
    assert.same({ name = "zeta", id = "T-1" }, files:of "zeta")
  end)

  it("need platform.yaml", function()
    local problem = raised(tenant_files.read, { platform = place:at "nothing" })
    assert.matches("no platform.yaml", problem.message)
  end)

  it("that are broken are raised for their tenants, and told once to others", function()
    local files = tenant_files.read(config)
    assert.matches("broken.yaml", tostring(raised(files.of, files, "broken")))
    local list
    local _, told = captured(function() list = files:others({}, "acme") end)
    assert.matches("skipped a broken tenant file: .*broken.yaml", told)
    assert.matches("odd.bak.yaml: no tenant can have this name", told)
    assert.same({ "broken", "zeta" }, { list[1].tenant, list[2].tenant })
    assert.same({}, list[1].file)
    _, told = captured(function() files:others({}, "zeta") end)
    assert.equal("", told)
  end)

  it("are surveyed once by a platform that does so", function()
    local files, count = tenant_files.read(config), 0
    local platform = {
      survey = function(settings, list)
        count = count + 1
        return { settings = settings, count = #list }
      end,
    }
    captured(function()
      assert.same({ settings = files.settings, count = 3 }, files:others(platform, "acme"))
      assert.equal(files:others(platform, "acme"), files:others(platform, "zeta"))
    end)
    assert.equal(1, count)
  end)

  it("know whose an id is", function()
    local files = tenant_files.read(config)
    assert.equal("zeta", files:owner("T-1", "acme").name)
    assert.is_nil(files:owner("T-1", "zeta"))
    assert.is_nil(files:owner("T-2", "acme"))
  end)
end)
