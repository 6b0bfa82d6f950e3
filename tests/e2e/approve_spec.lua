-- A run that others must approve, from the plan to the journal.

local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local ok = require "tests.support.ok"
local signers = require "tests.support.signers"
local toys = require "tests.support.toy"

describe("a run that others must approve", function()
  local toy, keys
  before_each(function()
    toy = toys.new()
    keys = signers.list(toy.dir, toy.project .. "/allowed_signers", { "ann", "bob" }, "x")
    fs.write(toy.project .. "/o2x.yaml", "approvals: approvals.yaml\n")
    fs.write(toy.project .. "/approvals.yaml", "signers: allowed_signers\nrules:\n  - tenants: all\n    count: 2\n")
  end)
  after_each(function() toy:__close() end)

  local function plan(...) ok(toy:o2x { "plan", "build", ..., "rooms=1", "--out=a.plan" }) end

  local function approve(name, confirm, folder)
    return toy:o2x {
      "approve",
      (folder or ".") .. "/a.plan",
      "--key=" .. keys[name],
      "--confirm=" .. (confirm or "alpha"),
    }
  end

  local function code_of(words) return toy:o2x(words).code end

  it("is done once enough have, and the journal says who", function()
    plan "alpha"
    ok(approve "ann")
    assert.equal(6, code_of { "apply", "a.plan" })
    assert.same({}, toy:holds())
    ok(approve "bob")
    ok(toy:o2x { "apply", "a.plan" })
    local shown = json.decode(toy:o2x({ "show", "--json" }).stdout)
    table.sort(shown.approved_by)
    assert.same({ "ann@x", "bob@x" }, shown.approved_by)
    assert.equal(6, code_of { "run", "build", "alpha", "rooms=2" })
  end)

  it("is proposed by its plan as the file that others approve", function()
    local line = toy:o2x({ "plan", "build", "alpha", "rooms=1" }).stdout:match "To have it approved: o2x (.-)%s*$"
    assert.equal("plan build alpha rooms=1 --out=build.plan", line)
    assert.matches(
      "To apply: o2x apply build.plan",
      toy:o2x({ "plan", "build", "alpha", "rooms=1", "--out=build.plan" }).stdout
    )
  end)

  it("may be approved elsewhere: the file goes by mail", function()
    plan "alpha"
    local mail = toy.dir .. "/mail"
    fs.mkdir(mail)
    fs.write(mail .. "/a.plan", fs.read(toy.project .. "/a.plan"))
    ok(approve("ann", nil, mail))
    ok(approve("bob", nil, mail))
    for _, name in ipairs(fs.list(mail)) do
      if name:find "approval" then fs.rename(mail .. "/" .. name, toy.project .. "/" .. name) end
    end
    ok(toy:o2x { "apply", "a.plan" })
  end)

  it("is not done by a plan that was made again, or changed", function()
    plan "alpha"
    ok(approve "ann")
    ok(approve "bob")
    plan "alpha" -- the same, at another time
    local refused = toy:o2x { "apply", "a.plan" }
    assert.equal(6, refused.code)
    assert.matches("does not count: it is no signature of this plan", refused.stderr)
    local path = toy.project .. "/a.plan"
    fs.write(path, (fs.read(path):gsub("red", "rad")))
    assert.equal(3, code_of { "apply", "a.plan" })
    assert.same({}, toy:holds())
  end)

  it("is not done after somebody was added to the list", function()
    plan "alpha"
    ok(approve "ann")
    local _, public = signers.key(toy.dir, "eve")
    fs.append(toy.project .. "/allowed_signers", "eve@x " .. public .. "\n")
    local refused = toy:o2x { "apply", "a.plan" }
    assert.matches("made under other rules of approval: .*allowed_signers", refused.stderr)
    assert.matches("made under other rules of approval", approve("bob").stderr)
  end)

  it("is not approved by a key that is not in the list", function()
    plan "alpha"
    keys.eve = signers.key(toy.dir, "eve")
    local refused = approve "eve"
    assert.equal(6, refused.code)
    assert.matches("it is not signed: its key is not in ", refused.stderr, 1, true)
    assert.equal(6, code_of { "apply", "a.plan" })
  end)

  it("is not approved by who made the plan", function()
    local user = require("o2x.base.identity").here()
    fs.append(toy.project .. "/approvals.yaml", ("people:\n  ann@x: %s\n"):format(user))
    plan "alpha"
    local own = approve "ann"
    assert.equal(6, own.code)
    assert.matches("it is not signed: ann@x made the plan or applies it", own.stderr, 1, true)
    assert.matches("may approve: bob@x\n", own.stderr, 1, true)
    for _, name in ipairs(fs.list(toy.project)) do
      assert.is_nil(name:find("approval-", 1, true))
    end
    ok(approve "bob")
    local refused = toy:o2x { "apply", "a.plan" }
    assert.equal(6, refused.code)
    assert.matches("1 of 2 approvals %(bob@x%); may approve: bob@x", refused.stderr)
  end)

  it("of several tenants is one plan, and one approval each", function()
    toy:runbook("plain", [[step("Make", toy.ensure, "a" .. tenant.name, 1)]])
    ok(toy:o2x { "plan", "plain", "--tenants=all", "--out=a.plan" })
    assert.equal(6, code_of { "apply", "a.plan" })
    assert.equal(3, approve("ann", "alpha").code)
    ok(approve("ann", "all"))
    ok(approve("bob", "all"))
    ok(toy:o2x { "apply", "a.plan" })
    assert.same({ aalpha = 1, abeta = 1 }, toy:holds())
    local shown = json.decode(toy:o2x({ "show", "--json" }).stdout)
    assert.equal(2, #shown.approved_by)
  end)

  it("is resumed and undone without being approved again", function()
    plan "alpha"
    ok(approve "ann")
    ok(approve "bob")
    assert.equal(9, toy:o2x({ "apply", "a.plan" }, { O2X_KILL_AT = "9" }).signal)
    ok(toy:o2x { "resume" })
    ok(toy:o2x { "undo", "R-20", "--confirm=alpha" })
    assert.same({}, toy:holds())
  end)
end)
