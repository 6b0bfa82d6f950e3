local stdlib = require "tests.support.stdlib"

describe("stdlib.catalogue", function()
  local catalogue = stdlib.new().require "catalogue"

  -- The number of the wave in which a service starts.
  local function wave_of(name)
    for number, wave in ipairs(catalogue.waves()) do
      for _, member in ipairs(wave) do
        if member == name then return number end
      end
    end
  end

  local function starts_before(first, second)
    assert.is_true(wave_of(first) < wave_of(second), first .. " before " .. second)
  end

  it("has each of the sixteen services in exactly one wave", function()
    local count, seen = 0, {}
    for _, wave in ipairs(catalogue.waves()) do
      for _, name in ipairs(wave) do
        assert.is_nil(seen[name], name)
        seen[name], count = true, count + 1
      end
    end
    assert.equal(16, count)
  end)

  it("starts every service after all that it depends on", function()
    for _, service in ipairs(catalogue.all()) do
      for _, needed in ipairs(service.depends ~= "core" and service.depends or {}) do
        starts_before(needed, service.name)
      end
    end
  end)

  it("follows the dependency matrix where the guide's steps contradict it", function()
    starts_before("payment-gateway", "service-transactional")
    starts_before("service-transactional", "service-usage")
    starts_before("service-usage", "service-billing")
  end)

  it("starts the proxy last", function() assert.same({ "service-proxy" }, catalogue.waves()[#catalogue.waves()]) end)

  it("puts independent services into one wave", function()
    assert.equal(wave_of "service-billing", wave_of "service-mediation")
    assert.equal(wave_of "service-invoice", wave_of "service-payment")
  end)

  it("finds a service by name", function()
    assert.same({ 3, 5 }, catalogue.find("service-proxy").replicas)
    assert.is_nil(catalogue.find "nosuch")
  end)

  it("knows which services are gateways", function()
    assert.equal(5, #catalogue.gateways())
    assert.is_true(catalogue.find("crm-gateway").gateway)
    assert.is_false(catalogue.find("service-sso").gateway)
  end)

  it("lists all names in the guide's order", function()
    local names = catalogue.names()
    assert.equal(16, #names)
    assert.equal("service-sso", names[1])
    assert.equal("crm-gateway", names[16])
  end)

  it("has a range of replicas for each service", function()
    for _, service in ipairs(catalogue.all()) do
      local min, max = table.unpack(service.replicas)
      assert.is_true(1 <= min and min <= max, service.name)
    end
  end)
end)
