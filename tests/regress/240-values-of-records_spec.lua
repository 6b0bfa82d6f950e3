-- A plan let values pass that Route 53 refuses; a blank around an address was written and then not found again; a lone
-- dot in an MX record was taken away; a hosted zone that nobody has was looked for in silence.

local raised = require "tests.support.raised"
local record = require "o2x.client.aws.record"
local route53 = require "o2x.client.aws.route53"
local secret = require "o2x.base.secret"
local small_lab = require "tests.support.small_lab"
local zones = require "lab.dns_zones"

local function problem(kind, text)
  return record.problem { name = "x.example.com", type = kind, ttl = 300, values = { record.value(kind, text) } }
end

describe("a value of a record", function()
  it("that is none of its type is refused before anything is sent", function()
    assert.matches("values[1]: expected an address", problem("A", "192.0.2.1:80"), 1, true)
    assert.matches("values[1]: expected a host name", problem("CNAME", "https://www.example.com"), 1, true)
    assert.matches("values[1]: expected a priority", problem("MX", "mail.example.com"), 1, true)
  end)

  it("is what Route 53 gives back", function()
    small_lab.with({ "aws" }, nil, function(lab)
      local store = zones.open(lab)
      local zone = store:create("values.example.com", "one").id
      local function client(ids)
        return route53.new {
          access_key = lab.env.AWS_ACCESS_KEY_ID,
          secret_key = secret.new(lab.env.AWS_SECRET_ACCESS_KEY, "aws"),
          endpoint = lab.env.AWS_ENDPOINT_URL,
          zones = ids,
        }
      end
      for kind, text in pairs { A = " 192.0.2.1 ", MX = "0 .", CAA = "0 issue ca.example.com" } do
        local name, value = kind:lower() .. ".values.example.com", record.value(kind, text)
        client():change(zone, { { action = "CREATE", name = name, type = kind, ttl = 60, values = { value } } })
        assert.same({ value }, client():records_of(zone, name)[1].values)
      end
      local err = raised(client({ "Z0NOBODY" }).zone_of, client { "Z0NOBODY" }, "a.values.example.com")
      assert.matches("aws.hosted_zones names Z0NOBODY", err.message, 1, true)
    end)
  end)
end)
