-- The smoke test as a runbook: as a table, as JSON, as JUnit XML.

local eventually = require "tests.support.eventually"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local labs = require "tests.support.lab"

describe("the smoke test", function()
  local lab
  setup(function()
    lab = labs.start()
    local result = lab:o2x { "run", "runbooks/onboard.lua", "newclient" }
    assert.equal(0, result.code, result.stderr)
  end)
  teardown(function() lab:stop() end)

  it("passes on a tenant that was onboarded, and changes nothing", function()
    local before = lab:snapshot "coredb-newclient"
    local file = fs.join(lab.dir, "smoke.xml")
    local result = lab:o2x { "run", "smoke", "newclient", "junit=" .. file }
    assert.equal(0, result.code, result.stderr)
    assert.matches("GraphQL endpoint responding +yes", result.stdout)
    assert.equal(before, lab:snapshot "coredb-newclient")
    assert.equal(
      "14 0",
      lab:out(
        "python3",
        "-c",
        "import sys, xml.etree.ElementTree as tree\n"
          .. "root = tree.parse(sys.argv[1]).getroot()\n"
          .. "print(len(root.findall('testcase')), root.get('failures'))",
        file
      )
    )
    local planned = lab:o2x { "plan", "smoke", "newclient", "--json" }
    assert.equal(14, #json.decode(planned.stdout).result)
  end)

  it("goes on after a failure, and tells all", function()
    lab:out("kubectl", "scale", "deployment", "newclient-tax-gateway", "--replicas=0")
    eventually(
      "no pod is left",
      function() return lab:out("kubectl", "get", "pods", "-l", "app=newclient-tax-gateway", "-o", "name") == "" end
    )
    local file = fs.join(lab.dir, "smoke.xml")
    local result = lab:o2x { "run", "smoke", "newclient", "--json", "junit=" .. file }
    lab:out("kubectl", "scale", "deployment", "newclient-tax-gateway", "--replicas=2")
    assert.equal(1, result.code)
    local given, failed = json.decode(result.stdout), {}
    assert.equal(14, #given.result)
    for _, row in ipairs(given.result) do
      if not row.ok then failed[#failed + 1] = row.check end
    end
    assert.same({ "All pods are running and healthy", "Gateway integrations authenticated" }, failed)
    assert.matches(
      "newclient%-tax%-gateway is scaled to 0; 2 of 14 checks failed: All pods are running and healthy, Gateway",
      given.error.message
    )
    assert.matches('<failure message="[^"]*newclient%-tax%-gateway', fs.read(file))
  end)

  it("names a service that is down at once, and asks it nothing", function()
    local function asked()
      return lab:out("sh", "-c", '"$0" lab requests | grep "service-proxy:8080/proxy" || true', labs.O2X)
    end
    assert.equal(0, lab:o2x({ "lab", "fault", "k8s", "crash-pods", "match=newclient-service-proxy" }).code)
    lab:out("kubectl", "delete", "pods", "-l", "app=newclient-service-proxy")
    eventually("crashes", function()
      local pods = lab:out("kubectl", "get", "pods", "-l", "app=newclient-service-proxy")
      return pods:find "CrashLoopBackOff" and not pods:find " 1/1 "
    end)
    local before = asked()
    local result = lab:o2x { "run", "smoke", "newclient" }
    assert.equal(before, asked())
    assert.matches("newclient%-service%-proxy has no ready pod: CrashLoopBackOff; 8 of 14 checks failed", result.stderr)
    assert.matches("Test order +no .*not tried: newclient%-service%-proxy has no ready pod", result.stdout)
    assert.equal(0, lab:o2x({ "lab", "fault", "k8s", "off" }).code)
  end)

  it("refuses a file that cannot be written", function()
    local result = lab:o2x { "run", "smoke", "newclient", "junit=/nowhere/smoke.xml" }
    assert.equal(3, result.code)
    assert.matches("cannot write the JUnit file", result.stderr)
  end)
end)
