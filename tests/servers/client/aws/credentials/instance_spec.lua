local aws_sources = require "tests.support.aws_sources"
local instance = require "o2x.client.aws.credentials.instance"

describe("keys of an instance", function()
  local sources <const> = aws_sources.start()
  teardown(function() sources:stop() end)

  it("are asked for with a token of the metadata service", function()
    sources.asked = {}
    local keys = sources:with { env = { AWS_EC2_METADATA_SERVICE_ENDPOINT = "URL/imds/" } }
    assert.equal(sources.given[#sources.given], keys.access_key)
    assert.same({
      "PUT /imds/latest/api/token",
      "GET /imds/latest/meta-data/iam/security-credentials/",
      "GET /imds/latest/meta-data/iam/security-credentials/machine",
    }, sources.asked)
  end)

  it("are none where the metadata service is disabled, or nobody", function()
    for _, env in ipairs {
      { AWS_EC2_METADATA_SERVICE_ENDPOINT = "URL/imds", AWS_EC2_METADATA_DISABLED = "True" },
      { AWS_EC2_METADATA_SERVICE_ENDPOINT = "http://127.0.0.1:1", AWS_METADATA_SERVICE_TIMEOUT = "5" },
      { AWS_EC2_METADATA_SERVICE_ENDPOINT = "URL/nobody" },
    } do
      assert.equal("AWS access is not configured", sources:refusal({ env = env }).message)
    end
  end)

  it("are where the variables say", function()
    for url, source in pairs {
      ["http://169.254.169.254"] = { process_env = {}, options = {} },
      ["http://[fd00:ec2::254]"] = {
        process_env = { AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE = "IPv6" },
        options = {},
      },
      ["http://127.0.0.1:7"] = {
        process_env = {},
        options = { ec2_metadata_service_endpoint = "http://127.0.0.1:7/" },
      },
    } do
      assert.equal(url, instance.endpoint(source))
    end
  end)
end)
