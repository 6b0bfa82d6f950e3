-- Variables and files of psql and vault that o2x passed over without a word: those of newer clients, misspelt ones, and
-- the certificates that psql finds in ~/.postgresql by itself.

local config = require "o2x.project.config"
local folder = require "tests.support.folder"
local raised = require "tests.support.raised"

describe("the environment of psql and vault", function()
  local place
  before_each(function() place = folder() end)
  after_each(function() place:close() end)

  local function load(env)
    env.HOME = place:at "home"
    return config.load({ root = place.path, state = place:at "state" }, {}, env)
  end

  local function warnings(env) return table.concat(load(env).warnings(), "\n") end

  it("is warned of where o2x does not use it", function()
    for _, name in ipairs {
      "PGSSLNEGOTIATION",
      "PGSSLCERTMODE",
      "PGGSSDELEGATION",
      "PGMINPROTOCOLVERSION",
      "PGMAXPROTOCOLVERSION",
      "PGREALM",
      "VAULT_CONFIG_PATH",
      "VAULT_MFA",
    } do
      assert.matches(("^%s is set; %%l"):format(name), warnings { [name] = "1" })
    end
    assert.equal("", warnings { VAULT_CONFIG_PATH = "x", VAULT_TOKEN = "t" })
    assert.equal("", warnings { PGDATA = "/x", PGGSSLIB = "gssapi" })
  end)

  it("is warned of where nobody knows it", function()
    for _, name in ipairs { "PGHOSTS", "PGSSLROOTCERTS", "VAULT_ADDRESS", "VAULT_CA_CERT" } do
      assert.equal(name .. " is set; o2x does not know it: unset it", warnings { [name] = "1" })
      local last
      for _, row in ipairs(load({ [name] = "1" }).environment()) do
        last = row
      end
      assert.equal(name, last.variable)
      assert.equal("ignored", last.state)
    end
  end)

  it("is not mixed up with what Kubernetes sets for a service", function()
    local env =
      { VAULT_SERVICE_HOST = "10.0.0.1", VAULT_PORT = "x", VAULT_PORT_8200_TCP_ADDR = "y", PG_SERVICE_HOST = "z" }
    assert.equal("", warnings(env))
  end)

  it("has the certificates of ~/.postgresql, unless others are named", function()
    for _, case in ipairs {
      { ".postgresql/root.crt", "sslrootcert", "PGSSLROOTCERT" },
      { ".postgresql/root.crl", "sslcrl", "PGSSLCRL" },
      { ".postgresql/postgresql.crt", "sslcert", "PGSSLCERT" },
      { ".postgresql/postgresql.key", "sslkey", "PGSSLKEY" },
    } do
      local path = place:write("home/" .. case[1], "x")
      local loaded = load {}
      assert.equal(path, loaded.pg[case[2]])
      assert.equal(path, loaded.source("pg." .. case[2]))
      assert.equal("/x", load({ [case[3]] = "/x" }).pg[case[2]])
    end
  end)

  it("has a service file whose settings libpq has", function()
    local services = place:write("services", "[lab]\nhost=127.0.0.1\nsslmod=disable\n")
    local err = raised(load, { PGSERVICE = "lab", PGSERVICEFILE = services })
    assert.equal(services .. ":3", err.where)
    assert.matches("unknown setting sslmod; did you mean sslmode?", tostring(err), 1, true)
    place:write("services", "[lab] # ours\nhost=127.0.0.2\n")
    assert.equal("127.0.0.2", load({ PGSERVICE = "lab", PGSERVICEFILE = services }).pg.host)
  end)

  it("has ports with blanks, and without one for each host", function()
    assert.equal(5433, load({ PGPORT = " 5433 " }).pg.port)
    assert.equal(",5433", load({ PGPORT = ", 5433" }).pg.port)
    assert.matches("an integer", tostring(raised(load, { PGPORT = " , " })), 1, true)
  end)
end)
