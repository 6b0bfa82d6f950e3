-- Where keys of AWS come from: o2x beside botocore, on which the AWS command line is built, with the same HOME and
-- environment, against the same loopback servers.

local aws_sources = require "tests.support.aws_sources"
local cases = require "tests.reference.cases.aws"
local config = require "o2x.project.config"
local credentials = require "o2x.client.aws.credentials"
local folder = require "tests.support.folder"
local json = require "o2x.base.json"
local proc = require "o2x.base.proc"
local secret = require "o2x.base.secret"

local PYTHON <const> = require("tests.support.reference").find("aws", "bin/python3")

describe("keys of AWS", function()
  if not PYTHON then return pending "botocore is not there: run vendor/reference aws" end

  local sources, places, theirs, alike, different = nil, {}, nil, 0, 0

  local function ask_botocore(environments)
    local list = {}
    for i, env in ipairs(environments) do
      list[i] = { env = env }
    end
    local result = proc.run {
      argv = { PYTHON, "tests/reference/aws_keys.py" },
      stdin = json.encode(json.array(list)),
      timeout = 300,
    }
    assert.equal(0, result.code, result.stderr)
    return json.decode(result.stdout)
  end

  local function ask_o2x(env)
    local project = { root = "/", state = "/nosuch" }
    local ok, found = pcall(function()
      local loaded = config.load(project, { ["aws.credential_processes"] = "/usr/bin/cat,/bin/cat,/bin/false" }, env)
      local who = credentials.of(loaded, env)
      local keys = who:get()
      return {
        id = keys.access_key,
        secret = secret.fingerprint(keys.secret_key),
        token = keys.session_token and secret.fingerprint(keys.session_token),
        region = who.source.region,
      }
    end)
    return ok and found or { refused = tostring(found) }
  end

  setup(function()
    sources = aws_sources.start()
    local environments = {}
    for i, case in ipairs(cases.LIST) do
      places[i] = folder()
      environments[i] = sources:environment(case, places[i])
    end
    theirs = ask_botocore(environments)
    sources.busy = 1
    for i in ipairs(cases.LIST) do
      places[i].env = environments[i]
    end
  end)

  teardown(function()
    sources:stop()
    for _, place in ipairs(places) do
      place:close()
    end
  end)

  local function text_or_nil(value) return value ~= json.null and value or nil end

  -- No token that is empty is ever sent.
  local function token_or_nil(value) return value ~= "" and text_or_nil(value) or nil end

  for i, case in ipairs(cases.LIST) do
    it(case[1], function()
      local other, own = theirs[i], ask_o2x(places[i].env)
      local expected = other.refused and { refused = true }
        or {
          id = other.id,
          secret = secret.fingerprint(other.secret),
          token = token_or_nil(other.token) and secret.fingerprint(other.token),
          region = text_or_nil(other.region) or "us-east-1",
        }
      local got = own.refused and { refused = true } or own
      local same = pcall(assert.same, expected, got)
      local why = ("botocore: %s\no2x: %s"):format(other.refused or other.id, own.refused or own.id)
      if case.differs then
        assert.is_false(same, "alike, though it should differ: " .. case.differs .. "\n" .. why)
        different = different + 1
      else
        assert.is_true(same, why)
        assert.is_nil(own.refused and own.refused:find "traceback")
        alike = alike + 1
      end
    end)
  end

  it(
    "are counted",
    function() print(("aws: %d cases, %d alike, %d different on purpose"):format(#cases.LIST, alike, different)) end
  )
end)
