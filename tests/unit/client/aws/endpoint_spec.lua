local endpoint = require "o2x.client.aws.endpoint"

local function source(more)
  local all = {
    config = { aws = {} },
    process_env = {},
    options = {},
    profile = "dev",
    profiles = {
      services = { mine = { route_53 = { endpoint_url = "https://r53" } } },
      path = function() return "f" end,
    },
    source_of = function() return nil end,
  }
  for name, value in pairs(more or {}) do
    all[name] = value
  end
  return all
end

local function from(name)
  return function() return name end
end

describe("the address of a service of AWS", function()
  local ENV <const> = "AWS_ENDPOINT_URL"
  local CASES <const> = {
    { "Amazon's own", {}, "rds", nil },
    {
      "AWS_ENDPOINT_URL",
      { config = { aws = { endpoint = "https://all/" } }, source_of = from(ENV) },
      "rds",
      "https://all",
    },
    {
      "the service's own variable before it",
      {
        config = { aws = { endpoint = "https://all" } },
        source_of = from(ENV),
        process_env = { AWS_ENDPOINT_URL_ROUTE_53 = "https://own", AWS_ENDPOINT_URL_S3 = "https://s3" },
      },
      "route53",
      "https://own",
    },
    {
      "aws.endpoint of the configuration before both",
      {
        config = { aws = { endpoint = "https://yaml" } },
        source_of = from "/o2x.yaml",
        process_env = { AWS_ENDPOINT_URL_RDS = "https://own" },
      },
      "rds",
      "https://yaml",
    },
    { "the profile's", { options = { endpoint_url = "https://profile" } }, "s3", "https://profile" },
    {
      "the profile's services",
      { options = { services = "mine", endpoint_url = "https://p" } },
      "route53",
      "https://r53",
    },
    {
      "Amazon's own, if the others are not to count",
      {
        process_env = { AWS_IGNORE_CONFIGURED_ENDPOINT_URLS = "true", AWS_ENDPOINT_URL_RDS = "https://own" },
        options = { endpoint_url = "https://profile" },
      },
      "rds",
      nil,
    },
  }
  for _, case in ipairs(CASES) do
    it("is " .. case[1], function() assert.equal(case[4], endpoint.configured(source(case[2]), case[3])) end)
  end

  it("has a variable for each service", function()
    for service, variable in pairs {
      rds = "AWS_ENDPOINT_URL_RDS",
      route53 = "AWS_ENDPOINT_URL_ROUTE_53",
      s3 = "AWS_ENDPOINT_URL_S3",
      sso = "AWS_ENDPOINT_URL_SSO",
      sts = "AWS_ENDPOINT_URL_STS",
    } do
      assert.equal("https://own", endpoint.configured(source { process_env = { [variable] = "https://own" } }, service))
    end
  end)

  it("is that of the region's partition", function()
    for region, expected in pairs {
      ["eu-west-3"] = { "https://rds.eu-west-3.amazonaws.com", "https://route53.amazonaws.com", "us-east-1" },
      ["cn-north-1"] = {
        "https://rds.cn-north-1.amazonaws.com.cn",
        "https://route53.amazonaws.com.cn",
        "cn-northwest-1",
      },
      ["us-gov-east-1"] = {
        "https://rds.us-gov-east-1.amazonaws.com",
        "https://route53.us-gov.amazonaws.com",
        "us-gov-west-1",
      },
    } do
      assert.same(
        expected,
        { endpoint.amazon("rds", region), endpoint.amazon("route53", region), endpoint.home(region) }
      )
    end
  end)

  it("is not guessed where another kind of Amazon's is asked for", function()
    for _, more in ipairs {
      { process_env = { AWS_USE_FIPS_ENDPOINT = "true" } },
      { process_env = { AWS_USE_DUALSTACK_ENDPOINT = "TRUE" } },
      { options = { use_fips_endpoint = "true" } },
    } do
      local ok, err = pcall(endpoint.configured, source(more), "rds")
      assert.is_false(ok)
      assert.matches("is not supported", err.message, 1, true)
      assert.matches("AWS_ENDPOINT_URL_RDS", err.hint, 1, true)
      more.process_env = { AWS_ENDPOINT_URL_RDS = "https://own" }
      assert.equal("https://own", endpoint.configured(source(more), "rds"))
    end
  end)

  it("without TLS is refused, but for this machine", function()
    local ok, err = pcall(endpoint.configured, source { options = { endpoint_url = "http://aws.example.com" } }, "rds")
    assert.is_false(ok)
    assert.matches("unencrypted", err.message, 1, true)
  end)

  it("that a services section should have is refused without it", function()
    local ok, err = pcall(endpoint.configured, source { options = { services = "nosuch" } }, "rds")
    assert.is_false(ok)
    assert.matches("services section nosuch of profile dev does not exist", err.message, 1, true)
  end)
end)
