local access = require "o2x.client.aws.access"
local secret = require "o2x.base.secret"

local HOME <const> = { HOME = "/nosuch", AWS_EC2_METADATA_DISABLED = "true" }

describe("the access to AWS", function()
  it("is what the configuration says", function()
    local key, token = secret.new("secret-key", "k"), secret.new("the-token", "t")
    local found = access.of({
      aws = {
        access_key_id = "AKIA",
        secret_access_key = key,
        session_token = token,
        endpoint = "http://127.0.0.1:1",
        region = "eu-west-1",
        ca_bundle = "/ca.pem",
      },
    }, "rds", HOME)
    local keys = found.credentials:get()
    assert.same({ "AKIA", key, token }, { keys.access_key, keys.secret_key, keys.session_token })
    assert.same({ "http://127.0.0.1:1", "eu-west-1", "/ca.pem" }, { found.endpoint, found.region, found.ca_file })
  end)

  it("that is not configured says which variables to set, when it is needed", function()
    local found = access.of({ aws = {} }, "rds", HOME)
    assert.equal("us-east-1", found.region)
    local ok, err = pcall(found.credentials.get, found.credentials)
    assert.is_false(ok)
    assert.equal("input", err.kind)
    assert.matches("AWS_PROFILE, or AWS_ACCESS_KEY_ID", err.hint, 1, true)
  end)

  it("has no region that cannot be one", function()
    for _, region in ipairs { "eu-west-1 # Ireland", "evil.example.com/", "EU-WEST-1", "" } do
      local ok, err = pcall(access.of, { aws = { region = region } }, "rds", HOME)
      assert.is_false(ok, region)
      assert.matches("is no region of AWS", err.message, 1, true)
    end
  end)
end)
