-- Keys of roles in the lab, and how they end.

local credentials = require "o2x.client.aws.credentials"
local folder = require "tests.support.folder"
local route53 = require "o2x.client.aws.route53"
local small_lab = require "tests.support.small_lab"

local CONFIG <const> = [[
[profile ops]
role_arn = arn:aws:iam::123456789012:role/%s
source_profile = base
region = us-east-1
[profile base]
aws_access_key_id = %s
aws_secret_access_key = %s
]]

describe("keys of a role in the lab", function()
  local lab, place

  local function case(name, body)
    it(name, function()
      place = folder()
      local _place <close> = place
      small_lab.with({ "aws" }, nil, function(started)
        lab = started
        body()
      end)
    end)
  end

  local function write_profile(role)
    return place:write("config", CONFIG:format(role, lab.env.AWS_ACCESS_KEY_ID, lab.env.AWS_SECRET_ACCESS_KEY))
  end

  local function client(aws, env)
    aws.endpoint = lab.env.AWS_ENDPOINT_URL
    aws.credentials_file = "/nosuch"
    env.HOME = place.path
    local who = credentials.of({ aws = aws }, env)
    return route53.new { credentials = who, endpoint = aws.endpoint, pause = 0.01 }, who
  end

  local function count()
    local found = 0
    for _ in pairs(lab.state("aws").sessions or {}) do
      found = found + 1
    end
    return found
  end

  case("sign requests, and are fetched again when the service says that they have expired", function()
    local one, who = client({ profile = "ops", config_file = write_profile "ops" }, {})
    assert.equal(1, #one:list_zones())
    assert.equal(1, #one:list_zones())
    assert.equal(1, count())
    local first = who:get().access_key
    lab.state("clock").advanced = 4000
    assert.equal(1, #one:list_zones())
    assert.equal(2, count())
    assert.not_equal(first, who:get().access_key)
  end)

  case("are refused to a role that nobody may assume", function()
    local one = client({ profile = "ops", config_file = write_profile "denied" }, {})
    local ok, err = pcall(one.list_zones, one)
    assert.is_false(ok)
    assert.equal("unauthorised", err.kind)
    assert.matches("AccessDenied", err.message, 1, true)
    assert.equal(0, count())
  end)

  case("are given for a token of a service account", function()
    local env = {
      AWS_WEB_IDENTITY_TOKEN_FILE = place:write("token", "aaa.bbb.ccc"),
      AWS_ROLE_ARN = "arn:aws:iam::123456789012:role/job",
    }
    local one = client({ config_file = "/nosuch" }, env)
    assert.equal(1, #one:list_zones())
    place:write("token", "no-token")
    local other = client({ config_file = "/nosuch" }, env)
    local ok, err = pcall(other.list_zones, other)
    assert.is_false(ok)
    assert.matches("InvalidIdentityToken", err.message, 1, true)
  end)
end)
