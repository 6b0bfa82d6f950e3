-- Of two hosted zones with one name the first in the list was written to, which may be the one that nobody asks.

local route53 = require "o2x.client.aws.route53"
local secret = require "o2x.base.secret"
local small_lab = require "tests.support.small_lab"
local zones = require "lab.dns_zones"

describe("two hosted zones of one name", function()
  it("are not chosen from", function()
    small_lab.with({ "aws" }, nil, function(lab)
      local store = zones.open(lab)
      store:create("twice.example.com", "one")
      local wanted = store:create("twice.example.com", "two").id
      local function client(ids)
        return route53.new {
          access_key = lab.env.AWS_ACCESS_KEY_ID,
          secret_key = secret.new(lab.env.AWS_SECRET_ACCESS_KEY, "aws"),
          endpoint = lab.env.AWS_ENDPOINT_URL,
          zones = ids,
        }
      end
      local ok, err = pcall(client().zone_of, client(), "a.twice.example.com")
      assert.is_false(ok)
      assert.matches("2 hosted zones are named twice.example.com", err.message, 1, true)
      assert.equal(wanted, (client({ wanted }):zone_of "a.twice.example.com"))
    end)
  end)
end)
