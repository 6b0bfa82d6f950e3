-- A whole onboarding, then a search for every secret that it touched: in the output, in the records, and in what other
-- users of the machine can see of the processes.

local fs = require "o2x.base.fs"
local labs = require "tests.support.lab"
local leaks = require "tests.support.leaks"
local yaml = require "o2x.base.yaml"

local ONBOARD, TENANT = "runbooks/onboard.lua", "newclient"
local PASSWORDS = { "PGPASSWORD", "VAULT_TOKEN", "AWS_SECRET_ACCESS_KEY", "REDISCLI_AUTH", "O2X_BROKER_PASSWORD" }

describe("no secret of an onboarding", function()
  local lab, places, forms
  setup(function() lab = labs.start() end)
  teardown(function() lab:stop() end)

  it("is made without being seen", function()
    local seen = {}
    places = {
      plan = lab:o2x({ "plan", ONBOARD, TENANT, "--json" }).stdout,
      ["plan --full"] = lab:o2x({ "plan", ONBOARD, TENANT, "--full" }).stdout,
    }
    local run = leaks.watched(seen, function() return lab:o2x { "run", ONBOARD, TENANT, "--verbose" } end)
    assert.equal(0, run.code, run.stderr)
    places.stdout, places.stderr = run.stdout, run.stderr
    for _, words in ipairs {
      { "show", "--json" },
      { "show", "--full" },
      { "runs", "--json" },
      { "plan", ONBOARD, TENANT, "--json" },
    } do
      local result = lab:o2x(words)
      assert.equal(0, result.code, result.stderr)
      places[table.concat(words, " ")] = result.stdout .. result.stderr
    end
    local count = 0
    for text, what in pairs(seen) do
      count = count + (text ~= "" and 1 or 0)
      places[("%s %d of a process"):format(what, count)] = text
    end
    assert.is_true(count > 20, "helm was not seen at work")
  end)

  it("can be named afterwards", function()
    local secrets = {}
    local path = fs.join(lab.env.O2X_SECRETS or fs.join(lab.platform, "lab/secrets"), TENANT .. ".yaml")
    leaks.add_texts(secrets, yaml.decode(fs.read(path), path), "secrets file")
    for _, name in ipairs(PASSWORDS) do
      leaks.add_texts(secrets, lab.env[name], name)
    end
    leaks.add_texts(secrets, lab:vault("tenant/" .. TENANT .. "/license/onboarding").decrypt_key, "decrypt key")
    leaks.add_texts(secrets, lab:vault("tenant/" .. TENANT .. "/admin").password, "admin's password")
    forms = leaks.forms_of(secrets)
    local count = 0
    for _ in pairs(secrets) do
      count = count + 1
    end
    assert.is_true(count >= 8, "the secrets were not found")
  end)

  it("is found in what it printed or kept, or in what its processes show", function()
    local function keep(path, text) places[path] = text end
    leaks.files_below(lab.store, keep)
    leaks.files_below(lab.platform, function(path, text)
      if not path:find("/lab/", 1, true) then keep(path, text) end
    end)
    assert.same({}, leaks.found(places, forms))
  end)
end)
