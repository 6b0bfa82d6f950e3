-- Whatever is wrong gets one clear line, the right exit code, and nothing half done.

local fs = require "o2x.base.fs"
local labs = require "tests.support.lab"

local ONBOARD = "runbooks/onboard.lua"

describe("bad input", function()
  local lab
  setup(function() lab = labs.start() end)
  teardown(function() lab:stop() end)

  -- One line of complaint and at most a hint, the expected code, no traceback, and no trace in the systems.
  local function refused(code, pattern, words, options)
    local result = lab:o2x(words, options)
    local shown = table.concat(words, " "):gsub("%z", "\\0")
    assert(
      result.code == code,
      ("%s: exit %s instead of %d\n%s%s"):format(shown, result.code, code, result.stdout, result.stderr)
    )
    assert.matches(pattern, result.stderr)
    assert.is_nil(result.stderr:find("stack traceback", 1, true), shown)
    local _, lines = result.stderr:gsub("\n", "")
    assert.is_true(lines <= (options and options.lines or 4), ("%s: %d lines\n%s"):format(shown, lines, result.stderr))
    return result
  end

  local function untouched(tenant)
    assert.equal(
      "0",
      lab:sql("postgres", ("select count(*) from pg_database where datname = 'coredb-%s'"):format(tenant))
    )
    assert.equal(
      "0",
      lab:sql("enginedevdb", ("select count(*) from core_config.tenant where name = '%s'"):format(tenant))
    )
  end

  it("in parameters", function() refused(3, "image", { "run", ONBOARD, "newclient", "image=not a version!" }) end)

  it("in tenant files and YAML", function()
    local path = fs.join(lab.platform, "tenants/broken.yaml")
    local good = fs.read(fs.join(lab.platform, "tenants/newclient.yaml")):gsub("name: newclient\n", "name: broken\n")
    local function file(pattern, text)
      fs.write(path, text)
      refused(3, pattern, { "run", ONBOARD, "broken" })
    end
    file("name is 'newclient'", (good:gsub("name: broken", "name: newclient")))
    file("TIDLT%-100005", "id: TIDLT-100005\n" .. good)
    file("broken.yaml:%d+", good .. "\tx: 1\n")
    file("broken.yaml:%d+.*duplicate key", good .. "company: Again\n")
    file(
      "broken.yaml",
      "a: &a [x, x, x, x, x, x, x, x, x]\n"
        .. "b: &b [*a, *a, *a, *a, *a, *a, *a, *a]\nc: [*b, *b, *b, *b, *b, *b, *b, *b]\n"
    )
    file("broken.yaml", ("["):rep(10000))
    file("employees is not a known field", good .. "employees: 12\n")
    fs.remove(path)
    untouched "broken"
  end)

  it("in secrets", function()
    local path = fs.join(lab.dir, "mine.yaml")
    local function secrets(code, pattern, text, mode)
      fs.write(path, text, { mode = mode or 384 })
      fs.chmod(path, mode or 384)
      refused(code, pattern, { "run", ONBOARD, "newclient", "--secrets=" .. path })
    end
    local good = fs.read(fs.join(lab.env.O2X_SECRETS, "newclient.yaml"))
    secrets(3, "0600", good, 420)
    secrets(3, "stripe%.api_key is missing", (good:gsub("  api_key: [^\n]*\n", "")))
    secrets(3, "stripe%.api_key must be", (good:gsub("api_key: [^\n]*", "api_key: [1, 2]")))
    refused(3, "nosuch", { "run", ONBOARD, "newclient", "--secrets=" .. lab.dir .. "/nosuch.yaml" })
    untouched "newclient"
  end)

  it("in the connections: each server that is down or says no", function()
    local function with(env) return { env = env, lines = 12 } end -- it tries again a few times, and says so
    refused(4, "refuses connections", { "run", ONBOARD, "newclient" }, with { PGPORT = "1" })
    refused(4, "password", { "run", ONBOARD, "newclient" }, with { PGPASSWORD = "wrong" })
    refused(4, "127.0.0.1:1", { "run", ONBOARD, "newclient" }, with { VAULT_ADDR = "http://127.0.0.1:1" })
    refused(4, "token", { "run", ONBOARD, "newclient" }, with { VAULT_TOKEN = "hvs.wrong-token" })
    untouched "newclient"
  end)
end)
