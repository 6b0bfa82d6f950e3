local folder = require "tests.support.folder"
local fs = require "o2x.base.fs"
local project = require "o2x.project.project"
local sandbox = require "o2x.script.sandbox"
local stdlib = require "tests.support.stdlib"

describe("names that are built from a tenant's", function()
  local built, catalogue, std
  setup(function()
    std = stdlib.new()
    built, catalogue = std.require "built", std.require "catalogue"
  end)

  local function tenant(name) return { name = name, data_pvc = name .. "-data-pvc" } end

  local function visited(visit_all, name)
    local list = {}
    visit_all(name, function(found) list[#list + 1] = found end)
    table.sort(list)
    return list
  end

  local function has(list, name)
    for _, item in ipairs(list) do
      if item == name then return true end
    end
    return false
  end

  it("are of services, objects, files and folders", function()
    local one = tenant "a-b"
    assert.equal(#catalogue.names(), #built.services(one))
    assert.is_true(has(built.services(one), "a-b-service-sso"))
    assert.is_true(has(built.objects(one), "a-b-tls-cert"))
    assert.is_true(has(built.objects(one), "a-b-data-pvc"))
    assert.is_true(has(built.files(one), "alerts/a-b-alerts.yaml"))
    assert.is_true(has(built.files(one), "provision_gateway/helm_values/a-b/provision-gateway.yaml"))
    assert.is_true(has(built.folders(one), "provision_gateway/helm_values/a-b/"))
  end)

  it("lead back to the tenant that has an object of that name", function()
    for _, name in ipairs { "a", "newclient", "a-b", "a-b-c1", "service", "a-service", "a-service-sso" } do
      local one = tenant(name)
      for _, object in ipairs(built.objects(one)) do
        assert.is_true(built.is_object(one, object))
        if object ~= one.data_pvc then assert.is_true(has(visited(built.each_tenant, object), name)) end
      end
    end
  end)

  -- a name, and whose object it is
  local NOT <const> =
    { "a", "a-", "-service-sso", "service-sso", "a-service", "a-service-ssox", "a-service-sso-", "a_ingress" }
  for _, object in ipairs(NOT) do
    it(("do not lead from %q to a tenant that would not have it"):format(object), function()
      assert.same({}, visited(built.each_tenant, object))
      assert.is_false(built.is_object(tenant "a", object))
    end)
  end

  it("are an object of this tenant only", function()
    assert.is_false(built.is_object(tenant "a", "a-b-ingress"))
    assert.is_true(built.is_object(tenant "a-b", "a-b-ingress"))
    assert.is_true(built.is_object({ name = "a", data_pvc = "disk" }, "disk"))
  end)

  -- Every way in which the names of two tenants could meet: one begins with the other, and goes on with a part of what
  -- names have.
  local function candidates()
    local names, parts = { "a", "a-b" }, { "b" }
    for _, object in ipairs(built.objects(tenant "")) do
      for part in object:gmatch "%-([%w-]+)" do
        parts[#parts + 1] = part
      end
      for part in object:gmatch "[%w]+" do
        parts[#parts + 1] = part
      end
    end
    for _, part in ipairs(parts) do
      names[#names + 1] = "a-" .. part
    end
    return names
  end

  local function meet(list, other)
    local set = {}
    for _, name in ipairs(list) do
      set[name] = true
    end
    for _, name in ipairs(other) do
      if set[name] then return true end
    end
    return false
  end

  -- Compares what the names themselves say with what each_twin says. -> how many pairs meet
  local function count_meetings(of)
    local names, count = candidates(), 0
    for _, first in ipairs(names) do
      local twins = visited(of.each_twin, first)
      local objects, files = of.objects(tenant(first)), of.files(tenant(first))
      for _, second in ipairs(names) do
        if second ~= first then
          local meets = meet(objects, of.objects(tenant(second)))
          assert.equal(meets, has(twins, second), first .. ", " .. second)
          assert.is_false(meet(files, of.files(tenant(second))))
          count = count + (meets and 1 or 0)
        end
      end
    end
    return count
  end

  it("are never of two tenants", function() assert.equal(0, count_meetings(built)) end)

  it("are of two tenants where one service's name ends with another's, and both are found", function()
    local place = folder {}
    fs.copy_tree("stdlib", place:at "stdlib")
    local text = fs.read "stdlib/catalogue.lua"
    local more = '{ name = "sso", replicas = { 2, 2 }, resources = SMALL, depends = {} },'
    place:write("stdlib/catalogue.lua", (text:gsub("local SERVICES = {", "%0" .. more)))
    local of = sandbox.new(project.at(place.path)):require "stdlib.built"
    local twins = visited(of.each_twin, "a-service")
    assert.same({ "a", "a-service-service" }, twins)
    assert.is_true(count_meetings(of) >= 2)
    place:close()
  end)
end)
