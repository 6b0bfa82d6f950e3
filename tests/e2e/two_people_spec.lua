-- Two people at one platform, each with a project, a run store and a key of their own: Ann's plan goes to Bob by mail,
-- and his approval back; afterwards Bob wants to take back what Ann's run did.

local fs = require "o2x.base.fs"
local labs = require "tests.support.lab"
local ok = require "tests.support.ok"
local paste = require "tests.support.proposed.paste"
local signers = require "tests.support.signers"

local TENANT <const>, SERVICE <const> = "urbanos", "service-sso"
local RULES <const> = "signers: allowed_signers\nrules:\n  - tenants: all\n    count: 1\n"

describe("two people with a project each", function()
  local lab, keys
  local folders = {}
  setup(function()
    lab = labs.start()
    for _, name in ipairs { "ann", "bob" } do
      local folder = fs.join(lab.dir, "home-" .. name)
      ok(lab:o2x { "init", folder })
      fs.remove_tree(folder .. "/platform")
      fs.copy_tree(lab.platform, folder .. "/platform")
      fs.append(folder .. "/o2x.yaml", "approvals: approvals.yaml\n")
      fs.write(folder .. "/approvals.yaml", RULES)
      folders[name] = folder
    end
    keys = signers.list(lab.dir, folders.ann .. "/allowed_signers", { "ann", "bob" })
    fs.write(folders.bob .. "/allowed_signers", fs.read(folders.ann .. "/allowed_signers"))
  end)
  teardown(function() lab:stop() end)

  local function options(name)
    return { cwd = folders[name], env = { O2X_PLATFORM = "", O2X_STATE = "", SUDO_USER = name } }
  end
  local function as(name, ...) return lab:o2x({ ... }, options(name)) end
  local function mail(from, to, file) fs.write(folders[to] .. "/" .. file, fs.read(folders[from] .. "/" .. file)) end

  local function replicas()
    return lab:out("kubectl", "get", "deployment", TENANT .. "-" .. SERVICE, "-o", "jsonpath={.spec.replicas}")
  end

  it("approve by mail, and know where a run is taken back", function()
    local before = replicas()
    local more = tostring(tonumber(before) + 1)
    ok(as("ann", "plan", "scale", TENANT, "service=" .. SERVICE, "replicas=" .. more, "force=true", "--out=more.plan"))
    assert.equal(6, as("ann", "apply", "more.plan").code)
    assert.equal(before, replicas())

    mail("ann", "bob", "more.plan")
    ok(as("bob", "approve", "more.plan", "--key=" .. keys.bob, "--confirm=" .. TENANT))
    for _, file in ipairs(fs.list(folders.bob)) do
      if file:find "^more%.plan." then mail("bob", "ann", file) end
    end
    ok(as("ann", "apply", "more.plan"))
    assert.equal(more, replicas())

    local run = ok(as("ann", "runs")).stdout:match "R%-%d+%-%d+%-%x+"
    ok(as("ann", "export", run, "--out=run.capsule"))
    mail("ann", "bob", "run.capsule")
    for _, word in ipairs { "undo", "resume" } do
      local refused = as("bob", word, "run.capsule")
      assert.equal(3, refused.code)
      assert.matches(("run.capsule is %s, which %%S+@%%S+ began"):format(run:gsub("%-", "%%-")), refused.stderr)
    end
    assert.matches("where it was begun", as("bob", "undo", run).stderr, 1, true)
    local said = as("bob", "undo", "run.capsule").stderr
    local here = said:match "here: (o2x replay %S+ %-%-log)" or error(said)
    assert.matches(SERVICE, paste.works(lab, here, options "bob").stdout, 1, true)
    assert.equal(more, replicas())

    local there = said:match "there: (o2x undo R%-[%w-]+)"
    paste.works(lab, there, options "ann")
    paste.works(lab, ("%s --confirm=%s"):format(there, TENANT), options "ann")
    assert.equal(before, replicas())
  end)
end)
