local fs = require "o2x.base.fs"
local journal = require "o2x.engine.journal"
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
    project = { root = folder, runbooks = fs.join(folder, "runbooks") },
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

  for name, message in pairs {
    ["/dev/full"] = "is no plan",
    ["/dev/zero"] = "is no plan",
    ["/tmp"] = "is no plan",
    ["/nowhere/a.plan"] = "no such folder",
    [""] = "needs the name of a file",
    ["/tmp/"] = "needs the name of a file",
  } do
    it("is not written to what is no file: " .. name, function()
      path = name
      local ok, err = pcall(write, 1)
      assert.is_false(ok)
      assert.equal("input", err.kind)
      assert.truthy(err.message:find(message, 1, true), err.message)
    end)
  end

  it("is not read from what has no end", function()
    local ok, err = pcall(plan_file.read, "/dev/zero")
    assert.is_false(ok)
    assert.equal("input", err.kind)
    assert.matches("no plan", err.message)
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

  -- What somebody writes who knows the form: the chain is right.
  local BEGIN <const> =
    { plan = { tenants = { "alpha" }, valid_until = "2999-01-01T00:00:00Z", tags = "x" }, at = "2026-01-01T00:00:00Z" }
  local TENANT <const> = {
    t = "tenant",
    tenant = "alpha",
    runbook = { name = "build", version = "1.0.0", path = "runbooks/build.lua" },
    library = {},
    inputs = {},
    params = {},
    root = "/",
    seed = 1,
  }
  local END <const> = { t = "end", effects = 0, tenants = 1 }

  local function changed(record, name, item)
    local copy = {}
    for key, one in pairs(record) do
      copy[key] = one
    end
    copy[name] = item
    return copy
  end

  local FORGED <const> = {
    { "no tenant", { changed(END, "tenants", 0) } },
    {
      "an effect of no tenant",
      { { t = "effect", path = "", kind = "a.b", key = "k", nth = 1, outcome = "created" } },
    },
    { "no library", { changed(TENANT, "library", nil), END } },
    { "a runbook that is a text", { changed(TENANT, "runbook", "build"), END } },
    { "a runbook without a path", { changed(TENANT, "runbook", { name = "build", version = "1" }), END } },
    { "a tenant that is a number", { changed(TENANT, "tenant", 7), END } },
    { "an end without numbers", { TENANT, changed(END, "effects", "0") } },
    {
      "an effect without a number",
      { TENANT, { t = "effect", path = "", kind = "a.b", key = "k", outcome = "created" } },
    },
    { "something after the end", { TENANT, END, TENANT } },
    { "a second tenant", { TENANT, TENANT, changed(END, "tenants", 2) } },
    { "an unknown record", { TENANT, { t = "intent" }, END } },
    { "a beginning in the middle", { TENANT, changed(changed(BEGIN, "t", "begin"), "plan", BEGIN.plan), END } },
  }

  local function forge(records)
    local file = journal.create(path, changed(BEGIN, "o2x", "1"))
    for _, record in ipairs(records) do
      file:append(changed(record, "at", nil), true)
    end
    file:close()
  end

  it("is read whoever has written it", function()
    forge { TENANT, END }
    assert.equal("alpha", plan_file.read(path).parts[1].header.tenant)
  end)

  for _, case in ipairs(FORGED) do
    it("is bad input without its form, even if the chain is right: " .. case[1], function()
      forge(case[2])
      local ok, err = pcall(plan_file.read, path)
      assert.is_false(ok)
      assert.equal("input", err.kind)
      assert.matches("plan", err.message)
    end)
  end

  it("names the command that makes it again", function()
    local run = run_of(folder)
    run.given = { tag = "v1 b" }
    run.take_over, run.secrets_source = { "a b CNAME" }, "vault:x"
    plan_file.write(path, { { run = run, plan = plan_of(1) } }, { seconds = 60 })
    assert.equal(
      ("o2x plan build alpha 'tag=v1 b' --secrets=vault:x '--take-over=a b CNAME' --out=%s"):format(path),
      plan_file.command(path, plan_file.read(path))
    )
    plan_file.write(
      path,
      { { run = run_of(folder), plan = plan_of(1) } },
      { seconds = 60, selector = "all", at_once = 2, keep_going = true }
    )
    assert.equal(
      ("o2x plan build --tenants=all --at-once=2 --keep-going --out=%s"):format(path),
      plan_file.command(path, plan_file.read(path))
    )
  end)

  it("counts for its time", function()
    write(1, { seconds = -5 })
    local ok, err = pcall(plan_file.check_usable, path, plan_file.read(path))
    assert.is_false(ok)
    assert.matches("the plan counted until .*, 5 s ago", err.message)
  end)
end)
