-- Rehearsals. One lab plays production: it is only read, none of its secrets leaves it, and what happens in a rehearsal
-- is what happens there.

local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local labs = require "tests.support.lab"
local witness = require "tests.support.witness"

describe("rehearse", function()
  local lab
  local folder
  setup(function()
    lab = labs.start()
    folder = fs.temp_folder()
  end)
  teardown(function()
    lab:stop()
    fs.remove_tree(folder)
  end)

  local function rehearse(...)
    local result = lab:o2x({ "rehearse", ... }, { env = { TMPDIR = folder } })
    return result, result.stdout:find "^{" and json.decode(result.stdout) or nil
  end

  -- All secrets of production that no file of the tree has: in Vault, and those that lead to the servers.
  local function secrets_of_production()
    local list = {}
    local function add(text)
      if type(text) == "string" and #text >= 6 then
        local found = lab:run { "grep", "-rqF", "-e", text, lab.platform }
        if found.code ~= 0 then list[#list + 1] = text end
      end
    end
    for _, name in ipairs { "license/onboarding", "quickbooks", "stripe", "avalara", "broadsoft", "salesforce" } do
      for _, text in pairs(lab:vault("tenant/urbanos/" .. name)) do
        add(text)
      end
    end
    local variables = { "PGPASSWORD", "VAULT_TOKEN", "AWS_SECRET_ACCESS_KEY", "REDISCLI_AUTH", "O2X_BROKER_PASSWORD" }
    for _, name in ipairs(variables) do
      add(lab.env[name])
    end
    for _, name in ipairs { "pg-secret", "app-vault-token" } do
      for _, text in pairs(lab:kubectl("get", "secret", name, "-o", "json").data) do
        add(text)
      end
    end
    return list
  end

  it("only reads production, and takes no secret of it along", function()
    local before = lab:snapshot "coredb-urbanos"
    local watch <close> = witness.new(lab)
    watch:begin()
    local result, data = rehearse("deploy", "urbanos", "image=v2.6.0", "--keep", "--json")
    assert.equal(0, result.code, result.stderr)
    local count = watch:count()
    for _, system in ipairs { "postgres", "vault", "k8s", "aws", "broker" } do
      assert.is_true((count[system] or 0) > 0, system)
    end
    -- the run store has a key, which makes the tags of secrets
    assert.same({}, watch:writes(function(where, path) return where == "runs" and (path == "" or path == "key") end))
    watch:close()
    assert.equal(before, lab:snapshot "coredb-urbanos")

    local list = secrets_of_production()
    assert.is_true(#list > 10)
    for _, text in ipairs(list) do
      local found = lab:run { "grep", "-rlaF", "-e", text, data.folder }
      assert.equal("", found.stdout)
      assert.is_nil((result.stdout .. result.stderr):find(text, 1, true))
    end
    for _, word in ipairs { lab.dir, ":" .. lab.env.PGPORT, lab.env.VAULT_ADDR } do
      assert.equal("", lab:run({ "grep", "-rlaF", "--exclude-dir=state", "-e", word, data.folder .. "/home" }).stdout)
    end
    for _, command in ipairs(data.commands) do
      assert.equal(0, lab:run({ "sh", "-c", "PATH=" .. fs.folder(labs.O2X) .. ":$PATH; " .. command }).code, command)
    end
    assert.is_false(fs.exists(data.folder))
  end)

  it("says what would happen, and leaves nothing behind", function()
    local result, data = rehearse("scale", "urbanos", "service=service-billing", "replicas=3", "--json")
    assert.equal(0, result.code, result.stderr)
    assert.same({}, data.differs)
    assert.same({}, data.left)
    assert.equal(1, data.run.totals.change)
    assert.same({ 0, 0 }, { data.again.code, data.again.totals.change })
    assert.same({ 0, 1 }, { data.undo.code, data.undo.totals.change })
    assert.matches("urbanos%-service%-billing%s", lab:out("kubectl", "get", "deploy"))
    assert.is_nil(data.folder)
    assert.same({}, fs.list(folder))
  end)

  it("fails as production does", function()
    local result, data = rehearse("scale", "urbanos", "service=service-billing", "replicas=40", "--json")
    local there = lab:o2x { "run", "scale", "urbanos", "service=service-billing", "replicas=40" }
    assert.equal(there.code, result.code)
    assert.matches("runs with 2 to 3 replicas, not with 40", data and data.message or result.stderr)
  end)

  it("brings a tenant to life that is not there, with the id that it would get", function()
    local result, data = rehearse("onboard", "newclient", "--json")
    assert.equal(0, result.code, result.stderr)
    assert.same({}, data.differs)
    assert.equal(0, data.again.totals.change + data.again.totals.create)
    local ids = {}
    for _, effect in ipairs(data.run.effects) do
      if effect.kind == "pg.allocated" then ids[#ids + 1] = effect.after.id end
    end
    assert.same({ "TIDLT-100008" }, ids)
  end)
end)
