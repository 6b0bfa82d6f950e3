-- o2x replay --to-test wrote a test of a capsule that cannot be replayed, gave no JSON, and sent whoever had no project
-- to "the path of the runbook", which it does not take.

local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local ok = require "tests.support.ok"
local toys = require "tests.support.toy"

describe("a test of a capsule", function()
  local toy
  before_each(function() toy = toys.new() end)
  after_each(function() toy:__close() end)

  local function pack(env)
    ok(toy:o2x({ "run", "build", "alpha" }, env))
    local id = toy:o2x({ "runs", "--json" }).stdout:match '"(R%-[%w-]+)"'
    ok(toy:o2x { "capsule", id, "--out=" .. toy.dir .. "/a.capsule" })
    return toy.dir .. "/a.capsule"
  end

  it("is not written where the capsule cannot be replayed", function()
    local result = toy:o2x { "replay", pack { O2X_RECORD = "0" }, "--to-test", "--out=" .. toy.dir .. "/a_spec.lua" }
    assert.equal(1, result.code)
    assert.truthy(result.stderr:find("kept no answers", 1, true), result.stderr)
    assert.is_false(fs.exists(toy.dir .. "/a_spec.lua"))
  end)

  it("is JSON with --json", function()
    local path = toy.dir .. "/b_spec.lua"
    local made = json.decode(ok(toy:o2x { "replay", pack(), "--to-test", "--json", "--out=" .. path }).stdout)
    assert.same({ path, toy.dir .. "/b.capsule", true }, { made.test, made.capsule, fs.exists(path) })
  end)

  it("names the option that is missing where there is no project", function()
    local path = pack()
    local away = toy.dir .. "/away"
    fs.mkdir(away)
    toy.project, toy.env.O2X_PLATFORM = away, nil
    local result = toy:o2x { "replay", path, "--to-test", "--out=" .. away .. "/a_spec.lua" }
    if result.code == 0 then return end -- an installed program has a project of its own
    assert.equal(3, result.code)
    assert.truthy(result.stderr:find("--project=FOLDER", 1, true), result.stderr)
  end)
end)
