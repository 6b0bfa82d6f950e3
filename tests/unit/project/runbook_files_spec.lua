local files = require "o2x.project.runbook_files"
local folder = require "tests.support.folder"
local fs = require "o2x.base.fs"
local runbooks = require "o2x.script.runbook"
local sandbox = require "o2x.script.sandbox"

describe("runbook files", function()
  local place, project
  before_each(function()
    place = folder {
      ["runbooks/deploy.lua"] = "",
      ["runbooks/deploy@1.lua"] = "",
      ["runbooks/hooks.lua"] = "",
      ["runbooks/README.md"] = "",
      ["runbooks/tenants/acme/deploy.lua"] = "",
      ["runbooks/tenants/acme/tidy.lua"] = "",
    }
    project = { root = place.path, runbooks = place:at "runbooks" }
  end)
  after_each(function() place:close() end)

  local function refused(message, ...)
    local ok, err = pcall(files.find, project, ...)
    assert.is_false(ok)
    assert.matches(message, err.message)
    return err
  end

  it("are those with a runbook's name", function() assert.same({ "deploy", "deploy@1" }, files.names(project)) end)

  it("may stand beside hooks, which are none", function()
    assert.equal(place:at "runbooks/hooks.lua", files.hooks(project))
    assert.is_false(files.is_name "hooks")
  end)

  it("are found by name, by version and by path", function()
    assert.equal(place:at "runbooks/deploy.lua", files.find(project, "deploy"))
    assert.equal(place:at "runbooks/deploy@1.lua", files.find(project, "deploy@1"))
    assert.equal(place:at "runbooks/deploy.lua", files.find(project, place:at "runbooks/deploy.lua"))
  end)

  it("are a tenant's own before the standard ones", function()
    local own = place:at "runbooks/tenants/acme/deploy.lua"
    assert.equal(own, files.find(project, "deploy", "acme"))
    assert.equal(own, files.find(project, place:at "runbooks/deploy.lua", "acme"))
    assert.equal(place:at "runbooks/deploy.lua", files.find(project, "deploy", "other"))
  end)

  it("may be there for one tenant only", function()
    assert.equal(place:at "runbooks/tenants/acme/tidy.lua", files.find(project, "tidy", "acme"))
    refused("tidy", "tidy", "other")
  end)

  it(
    "of a tenant are not for another",
    function() refused("acme", place:at "runbooks/tenants/acme/deploy.lua", "other") end
  )

  it("that are not there are answered with the nearest name", function()
    local err = refused("depoly; did you mean deploy%?", "depoly")
    assert.matches("deploy, deploy@1", err.hint)
  end)

  it("cannot be named with control characters or nothing", function()
    refused("runbook", "")
    refused("runbook", "a\nb")
  end)

  it("of all tenants are listed as overrides", function()
    local list = {}
    for _, own in ipairs(files.overrides(project)) do
      list[#list + 1] = own.tenant .. "/" .. own.name
    end
    assert.same({ "acme/deploy", "acme/tidy" }, list)
  end)
end)

describe("a runbook's name", function()
  it("has small letters, digits and hyphens, 63 at most", function()
    assert.is_true(files.is_name "cache-clear")
    assert.is_true(files.is_name(("a"):rep(63)))
    for _, name in ipairs { "Deploy", "../x", "-x", "", "a b", ("a"):rep(64) } do
      assert.is_false(files.is_name(name), name)
    end
  end)

  it("that are for emergencies are those that declare it, with the same words", function()
    local root = { root = ".", runbooks = "runbooks", stdlib = "stdlib" }
    local box, declared = sandbox.new(root), {}
    for _, name in ipairs(files.names(root)) do
      local loaded = runbooks.load(box, "runbooks/" .. name .. ".lua")
      if loaded.emergency then
        declared[#declared + 1] = { name = name, words = loaded.emergency, summary = loaded.summary }
      end
    end
    assert.is_true(#declared >= 9)
    assert.same(declared, files.emergencies(root))
    local readme = fs.read "README.md"
    for _, one in ipairs(declared) do
      assert.truthy(readme:find(("o2x %s %s`"):format(one.name, one.words), 1, true), one.name)
    end
  end)
end)
