local fs = require "o2x.base.fs"
local plan_file = require "o2x.engine.plan_file"
local plans = require "o2x.engine.plan"

-- A run as the header needs it.
local function run_of(folder)
  return {
    tenant_name = "alpha",
    runbook = { name = "build", version = "1.0.0", path = "runbooks/build.lua" },
    edited_versions = {},
    given = {},
    seed = 7,
    sandbox = { texts = { ["runbooks/build.lua"] = "return 1" } },
    project = { root = folder },
    config = { platform = folder },
  }
end

local function plan_of(count)
  local plan = plans.new(true)
  for i = 1, count do
    plan:change {
      kind = "pg.row",
      key = "row " .. i,
      nth = 1,
      path = "Build",
      outcome = "created",
      class = "transactional",
      show = { lines = { "+ n: 1" } },
      desired = { n = i },
      after = { n = i },
    }
  end
  plan:check_later("Build", "the roof is red")
  plan.values["clock #1"] = 12
  return plan
end

describe("a file with a plan", function()
  local folder, path
  before_each(function()
    folder = fs.temp_folder "/tmp/o2x-plan-file-"
    path = fs.join(folder, "a.plan")
  end)
  after_each(function() fs.remove_tree(folder) end)

  local function write(count, options)
    plan_file.write(path, { { run = run_of(folder), plan = plan_of(count) } }, options or { seconds = 60 })
  end

  it("gives back what was written", function()
    write(3)
    local file = plan_file.read(path)
    plan_file.check_usable(path, file)
    local part = plan_file.part_of(file, "alpha")
    assert.equal(3, #part.effects)
    assert.equal("row 2", part.effects[2].key)
    assert.same({ n = 2 }, part.effects[2].desired)
    assert.equal(12, part.values["clock #1"])
    assert.equal("the roof is red", part.checks[1].name)
    assert.equal(7, part.header.seed)
    assert.equal("600", ("%o"):format(fs.stat(path).mode & 511))
    assert.same({ "a.plan" }, fs.list(folder))
  end)

  it("is written again over an older plan", function()
    write(3)
    write(1)
    assert.equal(1, #plan_file.read(path).parts[1].effects)
  end)

  it("has no other tenant", function()
    write(1)
    local ok, err = pcall(plan_file.part_of, plan_file.read(path), "beta")
    assert.is_false(ok)
    assert.matches("has no tenant beta", err.message)
  end)

  it("is refused wherever a byte of it was changed, or it was cut off", function()
    write(2)
    local text = fs.read(path)
    for at = 1, #text - 1, 7 do
      local byte = text:byte(at)
      fs.write(path, text:sub(1, at - 1) .. string.char(byte == 0x61 and 0x62 or 0x61) .. text:sub(at + 1))
      assert.is_false(pcall(plan_file.read, path), "byte " .. at)
      fs.write(path, text:sub(1, at))
      assert.is_false(pcall(plan_file.read, path), "cut at " .. at)
    end
  end)

  it("counts for its time", function()
    write(1, { seconds = -5 })
    local ok, err = pcall(plan_file.check_usable, path, plan_file.read(path))
    assert.is_false(ok)
    assert.matches("the plan counted until .*, 5 s ago", err.message)
  end)
end)
