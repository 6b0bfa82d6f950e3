-- Where everybody becomes root by sudo, the plan was root's: whoever had made it could approve it by their own key.
-- Keys that only ssh-agent has could not sign at all: ssh-keygen was not told where the agent is.

local fs = require "o2x.base.fs"
local ok = require "tests.support.ok"
local signers = require "tests.support.signers"
local toys = require "tests.support.toy"

describe("who made or applies a plan by sudo", function()
  local toy, keys
  before_each(function()
    toy = toys.new()
    keys = signers.list(toy.dir, toy.project .. "/allowed_signers", { "ann", "bob" })
    toy:write("o2x.yaml", "approvals: approvals.yaml\n")
    toy:write("approvals.yaml", "signers: allowed_signers\nrules:\n  - count: 1\n")
  end)
  after_each(function() toy:__close() end)

  local function as(name, ...) return toy:o2x({ ... }, { SUDO_USER = name }) end
  local function approve(name) return toy:o2x { "approve", "a.plan", "--key=" .. keys[name], "--confirm=alpha" } end

  it("does not approve it", function()
    ok(as("ann", "plan", "build", "alpha", "rooms=1", "--out=a.plan"))
    assert.matches("ann@example.com made the plan or applies it", approve("ann").stderr)
    assert.equal(6, as("bob", "apply", "a.plan").code)
    ok(approve "bob")
    assert.equal(6, as("bob", "apply", "a.plan").code)
    assert.same({}, toy:holds())
    ok(as("ann", "apply", "a.plan"))
  end)

  it("signs with a key that only ssh-agent has", function()
    ok(toy:o2x { "plan", "build", "alpha", "rooms=1", "--out=a.plan" })
    local script = ("eval $(ssh-agent) >&2; trap 'ssh-agent -k >&2' EXIT; ssh-add %s; rm %s; "):format(
      keys.ann,
      keys.ann
    )
    ok(toy:shell({ "approve", "a.plan", ("--key=%s.pub"):format(keys.ann), "--confirm=alpha" }, "", script))
    ok(toy:o2x { "apply", "a.plan" })
  end)

  it("finds no approval of bytes behind the plan's end, and no key in a folder", function()
    ok(toy:o2x { "plan", "build", "alpha", "rooms=1", "--out=a.plan" })
    local shown = ok(toy:o2x({ "approve", "a.plan" }, { HOME = toy.dir })) -- looking needs no key
    assert.matches("To approve: ", shown.stdout)
    assert.matches("this is no key", toy:o2x({ "approve", "a.plan", "--key=." }).stderr)
    fs.write(toy.project .. "/a.plan", fs.read(toy.project .. "/a.plan") .. "\0\0")
    assert.matches("something stands behind its end", toy:o2x({ "approve", "a.plan" }).stderr)
  end)
end)
