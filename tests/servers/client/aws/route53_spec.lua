-- Route 53 of the lab, seen by the AWS command line, by dig, and by o2x's own client.
local json = require "o2x.base.json"
local proc = require "o2x.base.proc"
local route53 = require "o2x.client.aws.route53"
local secret = require "o2x.base.secret"
local small_lab = require "tests.support.small_lab"
local task = require "o2x.base.task"

local BALANCER <const> = "lb-1.us-east-1.elb.amazonaws.com"

describe("Route 53", function()
  local lab, client

  local function seed(fresh)
    fresh.seed =
      { domain = "embrix.com", dns = { { name = "urbanos.embrix.com", type = "CNAME", values = { BALANCER } } } }
  end

  local function case(name, body)
    it(name, function()
      small_lab.with({ "aws", "dns" }, seed, function(started)
        lab = started
        client = route53.new {
          access_key = lab.env.AWS_ACCESS_KEY_ID,
          secret_key = secret.new(lab.env.AWS_SECRET_ACCESS_KEY, "aws"),
          endpoint = lab.env.AWS_ENDPOINT_URL,
          pause = 0.01,
        }
        body()
      end)
    end)
  end

  local function dig(...)
    local host, port = lab.env.O2X_LAB_DNS:match("^(.*):(%d+)$")
    local result = lab.run("dig", "+short", "+tries=1", "+time=3", "@" .. host, "-p", port, ...)
    return (result.stdout:gsub("%s+$", ""))
  end

  local function record(action, name, kind, values, ttl)
    return { action = action, name = name, type = kind, ttl = ttl or 300, values = values }
  end

  local function problem_of(fn, ...)
    local ok, problem = pcall(fn, ...)
    assert.is_false(ok)
    return problem
  end

  case("finds zones, and names those that are there when one is not", function()
    local id = client:zone("embrix.com.")
    assert.equal(id, client:zone("EMBRIX.com"))
    local problem = problem_of(client.zone, client, "embrix.org")
    assert.equal("hosted zone embrix.org not found; zones: embrix.com", problem.message)
    assert.equal(id, (client:zone_of("a.b.embrix.com")))
    assert.equal("NoSuchHostedZone", problem_of(client.zone_of, client, "notembrix.com").code)
  end)

  case("creates a record, which the name server has when the change is INSYNC", function()
    local zone = client:zone("embrix.com")
    assert.equal("", dig("newclient.embrix.com", "CNAME"))
    lab.state("route53").propagation = 3600
    local change = client:change(zone, { record("CREATE", "newclient.embrix.com", "CNAME", { BALANCER }) })
    assert.equal("PENDING", client:status(change))
    assert.equal("", dig("newclient.embrix.com", "CNAME"))
    lab.state("clock").advanced = 3600
    client:wait_insync(change, 30)
    assert.equal(BALANCER .. ".", dig("newclient.embrix.com", "CNAME"))
    assert.equal(BALANCER .. ".\n127.0.0.1", dig("newclient.embrix.com"))
    assert.same(
      { { name = "newclient.embrix.com", type = "CNAME", ttl = 300, values = { BALANCER } } },
      client:records_of(zone, "newclient.embrix.com")
    )
  end)

  case("keeps wildcards apart from names", function()
    local zone = client:zone("embrix.com")
    client:wait_insync(
      client:change(zone, {
        record("CREATE", "*.newclient.embrix.com", "CNAME", { BALANCER }),
        record("CREATE", "api.newclient.embrix.com", "A", { "192.0.2.2", "192.0.2.1" }),
      }),
      30
    )
    assert.equal("*.newclient.embrix.com", client:records_of(zone, "*.newclient.embrix.com")[1].name)
    assert.same({ "192.0.2.1", "192.0.2.2" }, client:records_of(zone, "api.newclient.embrix.com")[1].values)
    assert.same({}, client:records_of(zone, "x.newclient.embrix.com"))
    assert.equal(BALANCER .. ".", dig("x.newclient.embrix.com", "CNAME"))
    assert.equal("", dig("api.newclient.embrix.com", "CNAME"))
  end)

  case("does all of a batch or nothing", function()
    local zone = client:zone("embrix.com")
    local problem = problem_of(client.change, client, zone, {
      record("CREATE", "new.embrix.com", "A", { "192.0.2.1" }),
      record("CREATE", "urbanos.embrix.com", "CNAME", { BALANCER }),
    })
    assert.equal("InvalidChangeBatch", problem.code)
    assert.truthy(
      problem.message:find(
        "Tried to create resource record set [name='urbanos.embrix.com.', type='CNAME'] but it already exists",
        1,
        true
      )
    )
    assert.same({}, client:records_of(zone, "new.embrix.com"))
  end)

  case("refuses what the service refuses", function()
    local zone = client:zone("embrix.com")
    for _, change in ipairs {
      record("CREATE", "urbanos.embrix.com", "A", { "192.0.2.1" }),
      record("CREATE", "embrix.com", "CNAME", { BALANCER }),
      record("CREATE", "a.embrix.org", "A", { "192.0.2.1" }),
      record("CREATE", "a.embrix.com", "A", { "300.1.1.1" }),
      record("CREATE", "a.embrix.com", "TXT", { "bare" }),
      record("DELETE", "a.embrix.com", "A", { "192.0.2.1" }),
      record("DELETE", "urbanos.embrix.com", "CNAME", { "other" }),
    } do
      assert.equal("InvalidChangeBatch", problem_of(client.change, client, zone, { change }).code, change.name)
    end
    assert.equal("NoSuchHostedZone", problem_of(client.records, client, "ZNOSUCH").code)
    assert.equal("NoSuchChange", problem_of(client.status, client, "CNOSUCH").code)
  end)

  case("reads a zone of many pages", function()
    local zone, changes = client:zone("embrix.com"), {}
    for i = 1, 400 do
      changes[i] = record("UPSERT", ("h%03d.embrix.com"):format(i), "A", { "192.0.2.1" })
    end
    client:change(zone, changes)
    assert.equal(403, #client:records(zone))
  end)

  case("tries again when it is told to come later, and says so when that goes on", function()
    local faults = require "lab.faults"
    faults.add(lab.faults.rules, "aws", "429", { times = "3" })
    assert.equal(1, #client:list_zones())
    faults.add(lab.faults.rules, "aws", "429", { times = "99" })
    local problem = problem_of(client.list_zones, client)
    assert.equal("Throttling", problem.code)
    assert.is_true(problem.retryable)
  end)

  case("does not resend a change whose outcome is unknown", function()
    local zone = client:zone("embrix.com")
    require("lab.faults").add(lab.faults.rules, "aws", "drop-after", { match = "UPSERT" })
    local problem =
      problem_of(client.change, client, zone, { record("UPSERT", "new.embrix.com", "A", { "192.0.2.1" }) })
    assert.equal("unknown", problem.kind)
    assert.equal(1, #client:records_of(zone, "new.embrix.com"))
  end)

  case("refuses wrong keys with one clear line", function()
    local wrong = route53.new {
      access_key = lab.env.AWS_ACCESS_KEY_ID,
      secret_key = secret.new("wrong", "aws"),
      endpoint = lab.env.AWS_ENDPOINT_URL,
    }
    local problem = problem_of(wrong.list_zones, wrong)
    assert.equal("unauthorised", problem.kind)
    assert.equal("SignatureDoesNotMatch", problem.code)
    assert.is_nil(tostring(problem):find("\n"))
  end)

  describe("by the AWS command line", function()
    if not proc.exists("aws") then return pending("aws is not on PATH") end

    local function aws(...)
      -- Debian's aws does not read AWS_ENDPOINT_URL.
      local result = lab.run("aws", "--endpoint-url", lab.env.AWS_ENDPOINT_URL, "--output", "json", ...)
      return result.code == 0 and result.stdout ~= "" and json.decode(result.stdout) or nil, result
    end

    case("works unchanged", function()
      local zones = aws("route53", "list-hosted-zones")
      assert.equal("embrix.com.", zones.HostedZones[1].Name)
      local id = zones.HostedZones[1].Id:match("[^/]+$")
      local batch = json.encode {
        Changes = {
          {
            Action = "CREATE",
            ResourceRecordSet = {
              Name = "newclient.embrix.com",
              Type = "CNAME",
              TTL = 300,
              ResourceRecords = { { Value = BALANCER } },
            },
          },
        },
      }
      local function submit()
        return aws("route53", "change-resource-record-sets", "--hosted-zone-id", id, "--change-batch", batch)
      end
      local change = submit()
      assert.equal("PENDING", change.ChangeInfo.Status)
      local change_id = change.ChangeInfo.Id
      task.timeout(120, function()
        while aws("route53", "get-change", "--id", change_id).ChangeInfo.Status ~= "INSYNC" do
          task.sleep(0.1)
        end
      end)
      local again, failed = submit()
      assert.is_nil(again)
      assert.truthy(failed.stderr:find("InvalidChangeBatch", 1, true))
      assert.equal(BALANCER .. ".", dig("newclient.embrix.com", "CNAME"))
      local listed = aws("route53", "list-resource-record-sets", "--hosted-zone-id", id)
      assert.equal(4, #listed.ResourceRecordSets)
      assert.equal(
        3,
        #aws("route53", "list-resource-record-sets", "--hosted-zone-id", id, "--max-items", "3").ResourceRecordSets
      )
      assert.equal("123456789012", aws("sts", "get-caller-identity").Account)
    end)
  end)
end)
