-- The order of the sources of AWS's keys is that of botocore: tests/reference/aws_spec.lua. Here is what is o2x's own:
-- when keys are fetched again, what people are told, and that no variable is passed over.

local aws_sources = require "tests.support.aws_sources"
local credentials = require "o2x.client.aws.credentials"
local environment = require "o2x.project.environment"
local secret = require "o2x.base.secret"
local task = require "o2x.base.task"

local ROLE <const> = {
  env = { AWS_PROFILE = "ops" },
  config = "[profile ops]\nrole_arn = arn:aws:iam::1:role/ops\nsource_profile = base\nregion = eu-west-3\n",
  credentials = "[base]\naws_access_key_id = AKIABASE\naws_secret_access_key = secret-of-base\n",
}
local AGENT <const> = { env = { AWS_CONTAINER_CREDENTIALS_FULL_URI = "URL/agent/x" } }

describe("keys of AWS", function()
  local sources

  setup(function() sources = aws_sources.start() end)
  teardown(function() sources:stop() end)
  before_each(function()
    sources.given, sources.asked, sources.lifetime, sources.busy = {}, {}, 3600, 0
  end)

  it("are fetched once for all tasks and clients", function()
    sources:with(ROLE, function(who)
      assert.same({}, sources.asked)
      local work = {}
      for i = 1, 20 do
        work[i] = function() return who:get().access_key end
      end
      local got = task.parallel(work)
      assert.equal(1, #sources.given)
      assert.equal(sources.given[1], got[1])
      assert.equal(sources.given[1], got[20])
      assert.equal(who, credentials.of(who.source.config))
    end)
  end)

  it("are fetched again before they expire", function()
    sources:with(AGENT, function(who)
      who:get()
      who.renew_at = 0
      who:get()
      assert.equal(2, #sources.given)
      who:get()
      assert.equal(2, #sources.given)
    end)
  end)

  it("that are still good are used while no new ones can be had", function()
    sources:with(AGENT, function(who, env)
      local first = who:get()
      who.renew_at = 0
      env.AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE = "/nosuch"
      assert.equal(first, who:get())
      first.expires, who.renew_at = 1, 0
      local ok, err = pcall(who.get, who)
      assert.is_false(ok)
      assert.matches("/nosuch does not exist", err.message, 1, true)
    end)
  end)

  it("that a service refuses as expired are fetched again", function()
    sources:with(AGENT, function(who)
      who:get()
      assert.is_true(who:expire())
      who:get()
      assert.equal(2, #sources.given)
    end)
    sources:with({ env = { AWS_ACCESS_KEY_ID = "AKIA", AWS_SECRET_ACCESS_KEY = "secret-key" } }, function(who)
      who:get()
      assert.is_false(who:expire())
    end)
  end)

  it("are secrets, and so are tokens", function()
    local keys = sources:with(ROLE)
    assert.is_true(secret.is(keys.secret_key))
    assert.is_true(secret.is(keys.session_token))
    assert.is_true(secret.equal(keys.secret_key, "secret/of+" .. keys.access_key))
    assert.is_nil(secret.scrub("say token/of+" .. keys.access_key):find("token/of", 1, true))
  end)

  it("of a profile that the configuration names count before those of the environment", function()
    local case = {
      set = { ["aws.profile"] = "base" },
      env = { AWS_ACCESS_KEY_ID = "AKIAENV", AWS_SECRET_ACCESS_KEY = "secret-of-env", AWS_PROFILE = "nosuch" },
      credentials = ROLE.credentials,
    }
    assert.equal("AKIABASE", sources:with(case).access_key)
  end)

  it("of o2x's own configuration count before a profile of the environment", function()
    local case = {
      env = { O2X_AWS_ACCESS_KEY_ID = "AKIAOWN", O2X_AWS_SECRET_ACCESS_KEY = "secret-of-own", AWS_PROFILE = "nosuch" },
    }
    assert.equal("AKIAOWN", sources:with(case).access_key)
  end)

  it("that nobody gives are asked for", function()
    local err = sources:refusal { env = { AWS_EC2_METADATA_DISABLED = "true" } }
    assert.equal("AWS access is not configured", err.message)
    assert.matches("AWS_PROFILE", err.hint, 1, true)
  end)

  it("may be in other files, and have a region, a token and a certificate authority beside them", function()
    local case = {
      env = {
        AWS_CONFIG_FILE = "HOME/config",
        AWS_SHARED_CREDENTIALS_FILE = "HOME/keys",
        AWS_DEFAULT_REGION = "eu-west-3",
        AWS_REGION = "eu-north-1",
        AWS_CA_BUNDLE = "HOME/ca.pem",
      },
      files = {
        config = "[default]\nregion = sa-east-1\n",
        keys = "[default]\naws_access_key_id = AKIA\naws_secret_access_key = secret-key\naws_security_token = tok\n",
      },
    }
    sources:with(case, function(who, _, place)
      assert.equal("AKIA", who:get().access_key)
      assert.is_true(secret.equal(who:get().session_token, "tok"))
      assert.same({ "eu-north-1", place:at "ca.pem" }, { who.source.region, who.source.ca_file })
    end)
    case.env.AWS_REGION = nil
    assert.equal("eu-west-3", sources:with(case, function(who) return who.source.region end))
    case.env.AWS_DEFAULT_REGION = nil
    assert.equal("sa-east-1", sources:with(case, function(who) return who.source.region end))
  end)

  it("of the environment may have a token by its old name", function()
    local env = { AWS_ACCESS_KEY_ID = "AKIA", AWS_SECRET_ACCESS_KEY = "secret-key", AWS_SECURITY_TOKEN = "old-token" }
    assert.is_true(secret.equal(sources:with({ env = env }).session_token, "old-token"))
  end)

  it("and how o2x asks do not follow variables that o2x warns of", function()
    local env = {
      AWS_CREDENTIAL_FILE = "x",
      AWS_IMDS_USE_IPV6 = "true",
      AWS_MAX_ATTEMPTS = "1",
      AWS_METADATA_SERVICE_NUM_ATTEMPTS = "2",
      AWS_RETRY_MODE = "adaptive",
      BOTO_CONFIG = "x",
    }
    assert.equal(6, #environment.warnings(env))
  end)

  -- What is wrong is said in one line, with the file and what to type.
  local base = ROLE.credentials
  local WRONG <const> = {
    {
      "two profiles",
      { AWS_PROFILE = "a", AWS_DEFAULT_PROFILE = "b" },
      nil,
      "AWS_PROFILE is a and AWS_DEFAULT_PROFILE is b",
    },
    {
      "no source",
      { AWS_PROFILE = "a" },
      "[profile a]\nrole_arn = r\n",
      "neither source_profile nor credential_source",
    },
    {
      "a circle",
      { AWS_PROFILE = "a" },
      "[profile a]\nrole_arn = r\nsource_profile = b\n[profile b]\nrole_arn = r\nsource_profile = a\n",
      "source_profile leads in a circle: a, b, a",
    },
    {
      "a code",
      { AWS_PROFILE = "a" },
      "[profile a]\nrole_arn = r\nsource_profile = base\nmfa_serial = m\n",
      "asks for a code (mfa_serial)",
    },
    {
      "a duration",
      { AWS_PROFILE = "a" },
      "[profile a]\nrole_arn = r\nsource_profile = base\nduration_seconds = 1h\n",
      "duration_seconds of profile a: expected 900 to 43200, not 1h",
    },
    {
      "a program",
      { AWS_PROFILE = "a" },
      "[profile a]\ncredential_process = /bin/echo x\n",
      "runs the program /bin/echo for its keys, which is not allowed",
    },
    {
      "aws login",
      { AWS_PROFILE = "a" },
      "[profile a]\nlogin_session = x\n",
      "login_session (aws login), which is not supported",
    },
    {
      "no session",
      { AWS_PROFILE = "a" },
      "[profile a]\nsso_session = s\nsso_account_id = 1\nsso_role_name = r\n",
      "sso_session s of profile a does not exist",
    },
    {
      "no login",
      { AWS_PROFILE = "a" },
      "[profile a]\nsso_start_url = u\nsso_region = r\nsso_account_id = 1\nsso_role_name = r\n",
      "nobody has logged in",
      "aws sso login --profile a",
    },
    {
      "no token",
      { AWS_WEB_IDENTITY_TOKEN_FILE = "/nosuch", AWS_ROLE_ARN = "r" },
      nil,
      "the token file /nosuch does not exist",
    },
    {
      "an agent elsewhere",
      { AWS_CONTAINER_CREDENTIALS_FULL_URI = "http://192.0.2.1/x" },
      nil,
      "neither this machine, an agent of AWS, nor https",
    },
  }
  for _, case in ipairs(WRONG) do
    it("are refused for " .. case[1], function()
      local err = sources:refusal { env = case[2], config = case[3], credentials = base }
      assert.matches(case[4], err.message, 1, true)
      assert.is_nil(tostring(err):find "\n")
      if case[5] then assert.equal(case[5], err.hint) end
    end)
  end
end)
