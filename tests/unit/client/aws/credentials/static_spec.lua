local secret = require "o2x.base.secret"
local static = require "o2x.client.aws.credentials.static"

local function source(config, env, sources)
  return {
    config = { aws = config },
    process_env = env or {},
    source_of = function(key) return (sources or {})[key] end,
  }
end

describe("keys that are written down", function()
  local KEY, TOKEN = secret.new("some-secret-key", "k"), secret.new("some-token", "t")

  it("are those of the configuration", function()
    local found =
      static.of_config(source { access_key_id = "AKIA", secret_access_key = KEY, session_token = TOKEN }).fetch()
    assert.same({ "AKIA", KEY, TOKEN }, { found.access_key, found.secret_key, found.session_token })
  end)

  it("are not mixed with a token that the environment has left over", function()
    local from = { ["aws.access_key_id"] = "/o2x.yaml", ["aws.session_token"] = "AWS_SESSION_TOKEN" }
    local given = { access_key_id = "AKIA", secret_access_key = KEY, session_token = TOKEN }
    assert.is_nil(static.of_config(source(given, {}, from)).fetch().session_token)
  end)

  it("expire with AWS_CREDENTIAL_EXPIRATION", function()
    local given = { access_key_id = "AKIA", secret_access_key = KEY }
    local env = { AWS_CREDENTIAL_EXPIRATION = "2020-01-01T00:00:00Z" }
    local from = { ["aws.access_key_id"] = "AWS_ACCESS_KEY_ID" }
    local ok, err = pcall(static.of_config(source(given, env, from)).fetch)
    assert.is_false(ok)
    assert.matches("they expired at 2020-01-01T00:00:00Z", err.message, 1, true)
    assert.matches("AWS_SESSION_TOKEN", err.hint, 1, true)
  end)

  it("that lack one half are refused", function()
    local ok, err = pcall(static.of_config, source { access_key_id = "AKIA" })
    assert.is_false(ok)
    assert.matches("AWS_SECRET_ACCESS_KEY is missing", err.message, 1, true)
    assert.is_false((pcall(static.of_environment, source({}, { AWS_ACCESS_KEY_ID = "AKIA" }))))
  end)
end)
