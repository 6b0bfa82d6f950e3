-- Maintenance of one tenant, looked at with kubectl and curl.

local emergency = require "tests.support.emergency"
local eventually = require "tests.support.eventually"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local labs = require "tests.support.lab"
local proc = require "o2x.base.proc"

local PATH = 'jsonpath={range .items[*]}{.metadata.name} {.spec.suspend}{"\\n"}{end}'

describe("maintenance", function()
  local lab, e
  setup(function()
    lab = labs.start()
    e = emergency.new(lab)
    lab:out("kubectl", "create", "deployment", "neighbour", "--image=embrix/service-sso:v2.5.0")
    lab:out("kubectl", "label", "deployment", "neighbour", "tenant=urbanos-sbx")
  end)
  teardown(function() lab:stop() end)

  local function schedules() return lab:out("kubectl", "get", "cronjobs", "-o", PATH) end

  local function front()
    local answer = lab:run {
      "curl",
      "-sk",
      "-o",
      "-",
      "-w",
      "%{http_code}",
      "--connect-to",
      "::" .. lab.env.O2X_LAB_HTTPS,
      "https://api.urbanos.embrix.com/graphql",
    }
    return answer.stdout:match("%d+$"), answer.stdout
  end

  local function silences()
    local all = json.decode(
      lab:out(
        "kubectl",
        "get",
        "--raw",
        "/api/v1/namespaces/monitoring/services/alertmanager-operated:9093/proxy/api/v2/silences"
      )
    )
    local active = 0
    for _, one in ipairs(all) do
      active = active + (one.status.state == "active" and 1 or 0)
    end
    return active, all[#all]
  end

  -- How often somebody has asked whether a tenant is in maintenance by its name.
  local function questions()
    local count = 0
    for line, times in pairs(json.decode(lab:o2x({ "lab", "requests", "--json" }).stdout)) do
      if line:find "GET .*/configmaps/[%w-]+%-maintenance$" then count = count + times end
    end
    return count
  end

  local function untouched(before)
    assert.equal(before.replicas, e:replicas())
    assert.equal(before.schedules, schedules())
    assert.equal(
      before.hpa,
      lab:out(
        "kubectl",
        "get",
        "hpa",
        "urbanos-service-usage",
        "-o",
        "jsonpath={.spec.minReplicas} {.spec.maxReplicas}"
      )
    )
    assert.equal(
      before.ingress,
      lab:out("kubectl", "get", "ingress", "urbanos-ingress", "-o", "jsonpath={.metadata.annotations}")
    )
    assert.equal(
      "",
      lab:out("sh", "-c", "kubectl get deploy,svc,cm,cj,hpa,ingress -A -o yaml | grep o2x.io/maintenance || true")
    )
    assert.equal(0, (silences()))
    assert.equal("405", (front())) -- the service itself, which wants a POST
  end

  local function state()
    return {
      replicas = e:replicas(),
      schedules = schedules(),
      hpa = lab:out(
        "kubectl",
        "get",
        "hpa",
        "urbanos-service-usage",
        "-o",
        "jsonpath={.spec.minReplicas} {.spec.maxReplicas}"
      ),
      ingress = lab:out("kubectl", "get", "ingress", "urbanos-ingress", "-o", "jsonpath={.metadata.annotations}"),
    }
  end

  local function all_stopped()
    assert.is_nil(e:replicas():find("=[1-9]"))
    assert.equal("urbanos-usage-archive true\nurbanos-year-end true", schedules())
    local code, body = front()
    assert.equal("503", code)
    assert.matches("We will be back soon", body)
  end

  it("plans maintenance without writing", function()
    local before = lab:snapshot "coredb-urbanos"
    assert.is_true(e:plan("maintenance", "mode=on").totals.change >= 35)
    assert.equal(0, e:plan("maintenance", "mode=off").totals.change)
    assert.equal(before, lab:snapshot "coredb-urbanos")
  end)

  it("goes on and off, and everything is exactly as it was", function()
    local before = state()
    e:run("maintenance", "mode=on", "for=30m")
    all_stopped()
    assert.equal("1", lab:out("kubectl", "get", "deploy", "neighbour", "-o", "jsonpath={.spec.replicas}"))
    local count, silence = silences()
    assert.equal(1, count)
    assert.equal("tenant", silence.matchers[1].name)
    assert.equal("urbanos", silence.matchers[1].value)
    e:refused("deploy refused: urbanos has been in maintenance since", "deploy", "image=v9")
    e:refused("rollback refused", "rollback")
    e:refused("scale refused", "scale", "service=service-billing", "replicas=2")
    assert.equal(0, e:plan("maintenance", "mode=off").totals.create)
    local before_list = questions()
    local text = lab:o2x({ "list", "--tenants" }).stdout
    assert.matches("urbanos .* has been in maintenance since", text)
    assert.is_nil(text:find "status unknown")
    assert.equal(before_list + 1, questions(), "one by one")
    e:run("maintenance", "mode=on", "for=2h") -- only the end moves
    all_stopped()
    local rows = e:run("maintenance", "mode=status").result
    for _, row in ipairs(rows) do
      assert.truthy(row.saved, row.what)
    end
    e:run("maintenance", "mode=off")
    untouched(before)
    assert.equal(0, e:run("maintenance", "mode=off").totals.change)
  end)

  it("is killed again and again while it goes on and off", function()
    local before = state()
    assert.is_true(e:killed(9, "maintenance", "mode=on") >= 5)
    all_stopped()
    assert.is_true(e:killed(9, "maintenance", "mode=off") >= 5)
    untouched(before)
  end)

  it("is ended from another machine after a crash in the middle", function()
    local before = state()
    local half = lab:o2x(
      { "run", "maintenance", "urbanos", "mode=on", "--confirm=urbanos" },
      { env = { O2X_KILL_AT = "60" } }
    )
    assert.equal(9, half.signal)
    local elsewhere = fs.join(lab.dir, "elsewhere")
    local off = lab:o2x(
      { "run", "maintenance", "urbanos", "mode=off", "--confirm=urbanos" },
      { env = { O2X_STATE = elsewhere } }
    )
    assert.equal(0, off.code, off.stderr)
    untouched(before)
  end)

  it("says clearly when it should have ended, whatever is run or planned, and refuses onboarding, too", function()
    e:run("maintenance", "mode=on", "for=1s")
    eventually(
      "the maintenance has lapsed",
      function()
        return lab:o2x({ "run", "maintenance", "urbanos", "mode=status" }).stderr:find("IT SHOULD HAVE ENDED", 1, true)
      end
    )
    for _, words in ipairs {
      { "run", "scale", "urbanos", "status=true" },
      { "plan", "maintenance", "urbanos", "mode=off" },
    } do
      assert.matches("IT SHOULD HAVE ENDED", lab:o2x(words).stderr)
    end
    assert.is_nil(lab:o2x({ "plan", "maintenance", "demo", "mode=off" }).stderr:find("ENDED", 1, true))
    assert.matches("deploy refused: urbanos has been in maintenance", lab:o2x({ "run", "onboard", "urbanos" }).stderr)
    e:run("maintenance", "mode=off")
  end)

  it("tells the second of two emergencies who, what and since when", function()
    lab:o2x { "lab", "fault", "k8s", "slow-pods", "seconds=60" }
    local first <close> = lab:start { "run", "scale", "urbanos", "service=service-payment", "replicas=3" }
    eventually("the first has begun", function() return e:replicas():find("service%-payment=3") end)
    local second = e:try("maintenance", "mode=on")
    first:kill(2)
    proc.wait(first, 60)
    lab:o2x { "lab", "fault", "k8s", "off" }
    assert.equal(5, second.code)
    assert.matches("urbanos is locked: .* runs scale %(R%-.*%) since", second.stderr)
  end)
end)
