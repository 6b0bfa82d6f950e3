-- What people are told of AWS's keys.

local aws_sources = require "tests.support.aws_sources"
local explain = require "o2x.client.aws.credentials.explain"

local ROLE <const> = {
  env = { AWS_PROFILE = "ops" },
  config = "[profile ops]\nrole_arn = arn:aws:iam::1:role/ops\nsource_profile = base\nregion = eu-west-3\n",
  credentials = "[base]\naws_access_key_id = AKIABASE\naws_secret_access_key = secret-of-base\n",
}

describe("keys of AWS", function()
  local sources <const> = aws_sources.start()
  teardown(function() sources:stop() end)

  it("are explained by their source, without a secret", function()
    sources:with(ROLE, function(who)
      local found = explain.source(who.source.config)
      assert.matches(
        "^role arn:aws:iam::1:role/ops of profile ops, by profile base of .*/.aws/credentials$",
        found.keys
      )
      assert.same({ "eu-west-3", "profile ops" }, { found.region, found.region_source })
      assert.same({}, sources.asked)
    end)
  end)

  it("whose source is wrong are explained by what is wrong", function()
    local found = explain.source { aws = { profile = "nosuch", config_file = "/nosuch", credentials_file = "/nosuch" } }
    assert.matches("error: /nosuch: AWS profile nosuch not found", found.keys, 1, true)
  end)

  it("and how o2x asks do not follow options of a profile that o2x warns of", function()
    local case = {
      env = { AWS_PROFILE = "a", AWS_EC2_METADATA_DISABLED = "true" },
      config = "[profile a]\nregion = r\nretry_mode = adaptive\ns3 =\n  addressing_style = path\n  x = y\n",
    }
    local texts = sources:with(case, function(who) return explain.warnings(who.source.config) end)
    assert.equal(2, #texts)
    assert.matches("^retry_mode of profile a %(.*/.aws/config%) is ignored; o2x has its own retries", texts[1])
    assert.matches("^addressing_style of profile a", texts[2])
    assert.same({}, explain.warnings { aws = { profile = "nosuch", config_file = "/nosuch" } })
  end)
end)
