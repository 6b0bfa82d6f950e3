-- Tokens and passwords went to any http:// address, and to Redis without TLS.
local access = require "o2x.client.aws.access"
local broker = require "o2x.client.broker"
local raised = require "tests.support.raised"
local redis = require "o2x.client.redis"
local secret = require "o2x.base.secret"
local vault = require "o2x.client.vault"

local FAR <const> = "far.example.com"

local CONFIG <const> = {
  vault = { addr = "http://far.example.com:8200", token = secret.new("token-of-vault", "token") },
  broker = { url = "http://far.example.com", password = secret.new("password-of-broker", "broker") },
  redis = { url = secret.new("redis://:password-of-redis@far.example.com:6379", "url") },
  aws = {
    endpoint = "http://far.example.com",
    access_key_id = "AKIA",
    secret_access_key = secret.new("aws-key", "aws"),
  },
}

describe("a client with credentials", function()
  for name, make in pairs {
    vault = function(config) return vault.for_run(config, {}, {}) end,
    broker = function(config) return broker.for_run(config, {}) end,
    redis = function(config) return redis.for_run(config, {}) end,
    aws = function(config) return access.of(config) end,
  } do
    it(name .. " refuses a host that it would reach unencrypted", function()
      local err = raised(make, CONFIG)
      assert.equal("refused", err.kind)
      assert.matches(": credentials would go to far.example.com unencrypted", err.message, 1, true)
      assert.matches("O2X_CLEARTEXT_HOSTS=far.example.com", err.hint, 1, true)
    end)

    it(name .. " does not if the configuration allows the host", function()
      local allowing = { cleartext = { hosts = { FAR } } }
      for section, settings in pairs(CONFIG) do
        allowing[section] = settings
      end
      assert.is_table(make(allowing))
    end)
  end

  it(
    "redis may do without TLS where it has no password",
    function() assert.is_table(redis.for_run({ redis = { url = "redis://far.example.com" } }, {})) end
  )
end)
