-- Route 53 of the lab, seen by the AWS command line, by dig, and by o2x's own client.
local aws = require "o2x.client.aws.support"
local http = require "o2x.client.http"
local json = require "o2x.base.json"
local proc = require "o2x.base.proc"
local route53 = require "o2x.client.aws.route53"
local secret = require "o2x.base.secret"
local small_lab = require "tests.support.small_lab"
local sorted_keys = require "o2x.base.sorted_keys"
local task = require "o2x.base.task"
local xml = require "o2x.base.xml"
local zones = require "lab.dns_zones"

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
        lab.zones = zones.open(lab)
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
      record("CREATE", "a.embrix.com", "TXT", { '"' .. ("x"):rep(256) .. '"' }),
      record("CREATE", "a.embrix.com", "TXT", { '"a" b' }),
      record("CREATE", "a.embrix.com", "A", { "192.0.2.1", "192.0.2.1" }),
      record("CREATE", ("x"):rep(64) .. ".embrix.com", "A", { "192.0.2.1" }),
      record("DELETE", "a.embrix.com", "A", { "192.0.2.1" }),
      record("DELETE", "urbanos.embrix.com", "CNAME", { "other" }),
    } do
      assert.equal("InvalidChangeBatch", problem_of(client.change, client, zone, { change }).code, change.name)
    end
    for _, ttl in ipairs { -1, 2147483648 } do
      local change = record("CREATE", "a.embrix.com", "A", { "192.0.2.1" }, ttl)
      assert.equal("InvalidInput", problem_of(client.change, client, zone, { change }).code)
    end
    assert.equal("NoSuchHostedZone", problem_of(client.records, client, "ZNOSUCH").code)
    assert.equal("NoSuchChange", problem_of(client.status, client, "CNOSUCH").code)
  end)

  -- Adds what the client does not write, by the API as anybody would.
  local function submit(zone, sets)
    local changes = { "Changes" }
    for i, set in ipairs(sets) do
      changes[i + 1] = { "Change", { "Action", "CREATE" }, set }
    end
    local body = xml.write(
      { "ChangeResourceRecordSetsRequest", { "ChangeBatch", changes } },
      "https://route53.amazonaws.com/doc/2013-04-01/"
    )
    local response = http.request(aws.sign({
      method = "POST",
      url = ("%s/2013-04-01/hostedzone/%s/rrset"):format(lab.env.AWS_ENDPOINT_URL, zone),
      body = body,
    }, client.options, "route53", "us-east-1"))
    return response.status, response.body
  end

  local function set_of(name, more)
    local node = { "ResourceRecordSet", { "Name", name }, { "Type", "A" } }
    for _, element in ipairs(more) do
      node[#node + 1] = element
    end
    return node
  end

  local VALUE <const> = { "ResourceRecords", { "ResourceRecord", { "Value", "192.0.2.1" } } }
  local TARGET <const> = {
    "AliasTarget",
    { "HostedZoneId", "Z1" },
    { "DNSName", "lb.example.com." },
    { "EvaluateTargetHealth", "false" },
  }

  case("names what makes a record set more than its values", function()
    local zone = client:zone("embrix.com")
    for word, more in pairs {
      alias = { TARGET },
      weighted = { { "SetIdentifier", "one" }, { "Weight", 1 }, { "TTL", 60 }, VALUE },
      latency = { { "SetIdentifier", "one" }, { "Region", "eu-west-1" }, { "TTL", 60 }, VALUE },
      failover = { { "SetIdentifier", "one" }, { "Failover", "PRIMARY" }, { "TTL", 60 }, VALUE },
      geolocation = { { "SetIdentifier", "one" }, { "GeoLocation", { "CountryCode", "DE" } }, { "TTL", 60 }, VALUE },
      multivalue = { { "SetIdentifier", "one" }, { "MultiValueAnswer", "true" }, { "TTL", 60 }, VALUE },
      ["health check"] = { { "TTL", 60 }, VALUE, { "HealthCheckId", "h" } },
    } do
      local name = word:gsub(" ", "-") .. ".embrix.com"
      assert.equal(200, (submit(zone, { set_of(name, more) })), word)
      assert.equal(word, client:records_of(zone, name)[1].policy)
    end
    assert.is_nil(client:records_of(zone, "urbanos.embrix.com")[1].policy)
  end)

  case("refuses sets that Route 53 refuses beside others of their name and type", function()
    local zone = client:zone("embrix.com")
    local function weighted(name, id)
      return set_of(name, { { "SetIdentifier", id }, { "Weight", 1 }, { "TTL", 60 }, VALUE })
    end
    local plain = { { "TTL", 60 }, VALUE }
    local many = { { "SetIdentifier", "m" }, { "MultiValueAnswer", "true" }, { "TTL", 60 }, VALUE }
    assert.equal(200, (submit(zone, { weighted("w.embrix.com", "one"), weighted("w.embrix.com", "two") })))
    assert.equal(200, (submit(zone, { set_of("p.embrix.com", plain) })))
    for expected, set in pairs {
      ["SetIdentifier null cannot be created as other RRSets exist"] = set_of("w.embrix.com", plain),
      ["SetIdentifier one cannot be created as other RRSets exist"] = weighted("p.embrix.com", "one"),
      ["a non multivalue answer rrset exists"] = set_of("p.embrix.com", many),
      ["set identifier='one'] but it already exists"] = weighted("w.embrix.com", "one"),
      ["Missing field 'SetIdentifier'"] = set_of("x.embrix.com", { { "Weight", 1 }, { "TTL", 60 }, VALUE }),
      ["Expected exactly one of [Weight"] = set_of("x.embrix.com", { { "SetIdentifier", "x" }, { "TTL", 60 }, VALUE }),
      ["but found more than one"] = set_of("x.embrix.com", { TARGET, { "TTL", 60 }, VALUE }),
      ["but found none"] = set_of("x.embrix.com", { { "TTL", 60 } }),
    } do
      local status, body = submit(zone, { set })
      assert.equal(400, status, expected)
      assert.matches(expected, (body:gsub("&apos;", "'")), 1, true)
    end
    assert.equal(2, #client:records_of(zone, "w.embrix.com"))
  end)

  case("refuses to guess between two zones of one name", function()
    local first = client:zone("embrix.com")
    local second = lab.zones:create("embrix.com", "again").id
    client.zones = nil
    local problem = problem_of(client.zone_of, client, "a.embrix.com")
    assert.equal("refused", problem.kind)
    for _, id in ipairs { first, second } do
      assert.matches(id, problem.message, 1, true)
    end
    assert.matches("aws: {hosted_zones: [", problem.hint, 1, true)
    for _, id in ipairs { first, second } do
      client.zones, client.options.zones = nil, { "/hostedzone/" .. id }
      assert.equal(id, (client:zone_of("a.embrix.com")))
      assert.equal(id, client:zone("embrix.com"))
    end
  end)

  case("takes no private zone, unless the configuration names it", function()
    local private = lab.zones:create("in.embrix.com", "private")
    private.private = true
    assert.equal("embrix.com", select(2, client:zone_of("a.in.embrix.com")))
    client.zones, client.options.zones = nil, { private.id }
    assert.equal("in.embrix.com", select(2, client:zone_of("a.in.embrix.com")))
  end)

  case("reads sets with identifiers over pages", function()
    local zone, sets = client:zone("embrix.com"), {}
    for i = 1, 350 do
      sets[i] =
        set_of("many.embrix.com", { { "SetIdentifier", ("s%03d"):format(i) }, { "Weight", 1 }, { "TTL", 60 }, VALUE })
    end
    assert.equal(200, (submit(zone, sets)))
    local seen = {}
    for _, one in ipairs(client:records_of(zone, "many.embrix.com")) do
      seen[one.set] = true
    end
    assert.equal(350, #sorted_keys(seen))
  end)

  case("refuses a batch that Route 53 would refuse for its size", function()
    local zone, changes = client:zone("embrix.com"), {}
    for i = 1, 501 do
      changes[i] = record("UPSERT", ("h%03d.embrix.com"):format(i), "A", { "192.0.2.1" })
    end
    local problem = problem_of(client.change, client, zone, changes)
    assert.equal("input", problem.kind)
    assert.matches("1002 values", problem.message, 1, true)
    assert.same({}, client:records_of(zone, "h001.embrix.com"))
  end)

  case("says what to do about a batch that was refused", function()
    local zone = client:zone("embrix.com")
    for hint, change in pairs {
      ["give it A records"] = record("CREATE", "embrix.com", "CNAME", { BALANCER }),
      ["the only record of its name"] = record("CREATE", "urbanos.embrix.com", "A", { "192.0.2.1" }),
      ["made it meanwhile"] = record("CREATE", "urbanos.embrix.com", "CNAME", { BALANCER }),
      ["took it away meanwhile"] = record("DELETE", "nosuch.embrix.com", "A", { "192.0.2.1" }),
      ["changed it meanwhile"] = record("DELETE", "urbanos.embrix.com", "CNAME", { "other.example.com" }),
      ["a name in the zone"] = record("CREATE", "a.embrix.org", "A", { "192.0.2.1" }),
    } do
      assert.matches(hint, problem_of(client.change, client, zone, { change }).hint, 1, true)
    end
  end)

  case("waits for a change in spite of answers that do not come", function()
    local zone = client:zone("embrix.com")
    local change = client:change(zone, { record("CREATE", "new.embrix.com", "A", { "192.0.2.1" }) })
    require("lab.faults").add(lab.faults.rules, "aws", "drop-after", { match = "/change/", times = "2" })
    client:wait_insync(change, 30)
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

    local function command(...)
      -- Debian's aws does not read AWS_ENDPOINT_URL.
      local result = lab.run("aws", "--endpoint-url", lab.env.AWS_ENDPOINT_URL, "--output", "json", ...)
      return result.code == 0 and result.stdout ~= "" and json.decode(result.stdout) or nil, result
    end

    case("works unchanged", function()
      local listed_zones = command("route53", "list-hosted-zones")
      assert.equal("embrix.com.", listed_zones.HostedZones[1].Name)
      local id = listed_zones.HostedZones[1].Id:match("[^/]+$")
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
      local function create()
        return command("route53", "change-resource-record-sets", "--hosted-zone-id", id, "--change-batch", batch)
      end
      local change = create()
      assert.equal("PENDING", change.ChangeInfo.Status)
      local change_id = change.ChangeInfo.Id
      task.timeout(120, function()
        while command("route53", "get-change", "--id", change_id).ChangeInfo.Status ~= "INSYNC" do
          task.sleep(0.1)
        end
      end)
      local again, failed = create()
      assert.is_nil(again)
      assert.truthy(failed.stderr:find("InvalidChangeBatch", 1, true))
      assert.equal(BALANCER .. ".", dig("newclient.embrix.com", "CNAME"))
      local listed = command("route53", "list-resource-record-sets", "--hosted-zone-id", id)
      assert.equal(4, #listed.ResourceRecordSets)
      assert.equal(
        3,
        #command("route53", "list-resource-record-sets", "--hosted-zone-id", id, "--max-items", "3").ResourceRecordSets
      )
      assert.equal("123456789012", command("sts", "get-caller-identity").Account)
    end)
  end)
end)
