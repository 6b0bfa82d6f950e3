-- Route 53: the same batches by o2x's client to the lab and to moto, and moto's record sets as botocore reads them.

local cases = require "tests.reference.cases.route53"
local errors = require "o2x.base.error"
local json = require "o2x.base.json"
local moto = require "tests.support.moto"
local proc = require "o2x.base.proc"
local reference = require "tests.support.reference"
local route53 = require "o2x.client.aws.route53"
local secret = require "o2x.base.secret"
local small_lab = require "tests.support.small_lab"
local zones = require "lab.dns_zones"

local PYTHON <const> = reference.find("aws", "bin/python3")

describe("Route 53", function()
  if not PYTHON then return pending "moto is not there: run vendor/reference aws" end

  local lab, server, alike, different = nil, nil, 0, 0

  setup(function()
    lab = small_lab.start { "aws" }
    server = moto.start()
  end)
  teardown(function()
    server:stop()
    lab.stop()
  end)

  local function lab_client()
    return route53.new {
      access_key = lab.env.AWS_ACCESS_KEY_ID,
      secret_key = secret.new(lab.env.AWS_SECRET_ACCESS_KEY, "aws"),
      endpoint = lab.env.AWS_ENDPOINT_URL,
      pause = 0.01,
    }
  end

  local function moto_client()
    return route53.new {
      access_key = "AKIAMOTO",
      secret_key = secret.new("secret-of-moto", "moto"),
      endpoint = server.url,
      pause = 0.01,
    }
  end

  -- What came of a case: the code of the refusal, and the record sets afterwards.
  local function outcome(client, zone, case)
    if case.first then client:change(zone, case.first) end
    local ok, err = pcall(client.change, client, zone, case.changes)
    if not ok and not errors.is(err) then error(err, 0) end
    local left = {}
    for _, record in ipairs(client:records(zone)) do
      local own = record.name ~= "x.test" or record.type ~= "NS" and record.type ~= "SOA"
      if own then left[#left + 1] = record end
    end
    table.sort(left, function(a, b) return a.name .. a.type < b.name .. b.type end)
    return { refused = not ok and err.code or nil, left = left }
  end

  for i, case in ipairs(cases.LIST) do
    it("is as documented: " .. case[1], function()
      local zone = zones.open(lab):create("x.test", "case " .. i)
      local ours = outcome(lab_client(), zone.id, case)
      assert.equal(case.refused, ours.refused)
      local theirs = outcome(moto_client(), server:create_zone("x.test", "case " .. i), case)
      local same = (ours.refused ~= nil) == (theirs.refused ~= nil) and pcall(assert.same, ours.left, theirs.left)
      if case.differs then
        assert.is_false(same, "alike, though it should differ: " .. case.differs)
        different = different + 1
      else
        assert.same(ours.left, theirs.left)
        assert.is_true(same, ("moto: %s, lab: %s"):format(tostring(theirs.refused), tostring(ours.refused)))
        alike = alike + 1
      end
    end)
  end

  it("reads what others wrote as botocore reads it, over pages", function()
    local zone, client = server:create_zone("pages.test", "pages"), moto_client()
    for batch = 1, 4 do
      local changes = {}
      for i = 1, 200 do
        changes[i] = {
          action = "CREATE",
          name = ("h%d-%d.pages.test"):format(batch, i),
          type = "A",
          ttl = 60,
          values = { "192.0.2.1" },
        }
      end
      client:change(zone, changes)
    end
    local result = proc.run { argv = { PYTHON, "tests/reference/route53_list.py", server.url, zone }, timeout = 120 }
    assert.equal(0, result.code, result.stderr)
    local names = {}
    for i, record in ipairs(client:records(zone)) do
      names[i] = ("%s %s %d"):format(record.name, record.type, #record.values)
    end
    table.sort(names)
    assert.same(json.decode(result.stdout), names)
    assert.equal(802, #names)
    alike = alike + 1
  end)

  it("is counted", function()
    local count = #cases.LIST + 1
    print(("route53: %d cases, %d alike, %d different on purpose"):format(count, alike, different))
  end)
end)
