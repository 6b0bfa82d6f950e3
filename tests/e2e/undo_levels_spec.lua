-- Undo of an undo of an undo, of effects of many types in a lab: the ordinary clients show the same at each level.
-- And undos after the ground has moved: other scripts, no file of the tenant, each kind of step.

local eventually = require "tests.support.eventually"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local labs = require "tests.support.lab"
local ok = require "tests.support.ok"
local toys = require "tests.support.toy"
local typed_changes = require "tests.support.typed_changes"

-- Of tests/support/typed_changes.lua: kind → outcome.
local CHANGES <const> = {
  ["vault.secret"] = "changed",
  ["file.text"] = "changed",
  ["file.section"] = "changed",
  ["k8s.object"] = "created",
  ["k8s.replicas"] = "changed",
  ["k8s.fields"] = "changed",
  ["helm.release"] = "changed",
  ["pg.row"] = "changed",
  ["pg.database"] = "changed",
  ["pg.grant"] = "changed",
  ["dns.record"] = "changed",
}

-- What shows a release better there than whose it is.
local LOOK <const> = {
  ["helm.release"] = "helm get values urbanos-service-usage -o json | jq -c .first",
}

local RUNBOOK <const> = [[
local dns, files, helm = require "o2x.dns", require "o2x.files", require "o2x.helm"
local k8s, pg, vault = require "o2x.k8s", require "o2x.pg", require "o2x.vault"
return require "o2x.runbook" {
  name = "levels", version = "1.0.0", api = 1, summary = "A test: changes of many types",
  effects = { "dns:write", "files:write", "helm:write", "k8s:write", "pg:write", "vault:write" },
  run = function(tenant, params)
%s
  end,
}
]]

describe("undo of an undo of an undo", function()
  local lab
  setup(function() lab = labs.in_memory() end)
  teardown(function() lab:stop() end)

  it("leaves what the ordinary clients showed at each level", function()
    local words = {
      dir = lab.dir,
      platform = lab.platform,
      zone = lab:zone(),
      dns = lab.env.O2X_LAB_DNS:gsub(":", " -p "),
    }
    local function sh(line) return lab:out("sh", "-ec", (line:gsub("{(%l+)}", words))) end
    local rows, steps, seen = {}, {}, {}
    for _, row in ipairs(typed_changes) do
      if CHANGES[row.kind] == row.outcome and not seen[row.kind] and row.look then
        seen[row.kind] = true
        rows[#rows + 1] = row
        steps[#steps + 1] = ("step(%q, function() %s end)"):format(row.kind, row.write)
        sh(row.prepare)
      end
    end
    for kind in pairs(CHANGES) do
      assert.is_true(seen[kind], kind)
    end
    local file = fs.join(lab.dir, "levels.lua")
    fs.write(file, RUNBOOK:format(table.concat(steps, "\n")))
    local function look()
      local shown = {}
      for _, row in ipairs(rows) do
        shown[row.kind] = sh(LOOK[row.kind] or row.look)
      end
      return shown
    end
    local function newest() return json.decode(lab:o2x({ "show", "--json" }).stdout).id end
    local function is_as(expected, what)
      local shown
      local same = pcall(eventually, what, function() -- Route 53 and controllers take a moment
        shown = look()
        return json.encode(shown) == json.encode(expected)
      end)
      if not same then assert.same(expected, shown, what) end
    end

    local before = look()
    ok(lab:o2x { "run", file, "urbanos" })
    local after
    eventually("all is written", function()
      after = look()
      for _, row in ipairs(rows) do
        if row.ours and not LOOK[row.kind] and after[row.kind] ~= row.ours then return false end
      end
      return true
    end)
    for _, row in ipairs(rows) do
      assert.are_not.equal(before[row.kind], after[row.kind], row.kind)
    end
    for level = 1, 3 do
      local shown = ok(lab:o2x { "undo", newest() })
      local command = shown.stdout:match "To undo: o2x ([^\n]+)"
      local list = {}
      for word in command:gmatch "%S+" do
        list[#list + 1] = word
      end
      ok(lab:o2x(list))
      is_as(level % 2 == 1 and before or after, "level " .. level)
    end
  end)
end)

describe("an undo", function()
  local toy
  before_each(function() toy = toys.new() end)
  after_each(function() toy:__close() end)

  local function newest() return toy:json({ "show", "--json" }).id end

  -- Runs a command line as it was printed.
  local function paste(line)
    assert.is_string(line)
    return toy:shell({}, "", ('P=("$@"); o2x() { "${P[@]}" "$@"; }; %s; exit; '):format(line))
  end

  -- What a step is → its lines; which of the system's values go with it; what it cannot take back, or says instead.
  local STEPS <const> = {
    ["Plain"] = { 'step("Plain", toy.ensure, "plain", 1)', { "plain" } },
    [ [[It's a "name"]] ] = { [[step("It's a \"name\"", toy.ensure, "quoted", 1)]], { "quoted" } },
    ["Outer"] = {
      'step("Outer", function() step("Inner", toy.ensure, "inner", 1) toy.ensure("outer", 1) end)',
      { "inner", "outer" },
    },
    ["Deep/Inner"] = { 'step("Deep", function() step("Inner", toy.ensure, "deep", 1) end)', { "deep" } },
    ["A"] = {
      [[parallel { a = function() step("A", toy.ensure, "a", 1) end, b = function() toy.ensure("b", 1) end }]],
      { "a" },
    },
    ["each 2"] = {
      'parallel.each({ "1", "2" }, function(n) step("each " .. n, toy.ensure, "each-" .. n, 1) end)',
      { "each-2" },
    },
    ["Several"] = {
      'step("Several", function() toy.once("house", 1) toy.part("house", "roof", 2) end)',
      { "house", "roof" },
    },
    ["Over"] = { 'toy.ensure("over", 1) step("Over", toy.ensure, "over", 2)', {}, back = { over = 1 } },
    ["Looks"] = { 'step("Looks", function() return toy.read "nothing" end)', {} },
    ["Computes"] = { 'step("Computes", function() return 1 end)', {} },
    ["Shouts"] = { 'step("Shouts", toy.blind, "loud", 1)', {}, code = 7, says = "not undone: loud: what was heard" },
    ["Fails"] = { 'step("Fails", function() toy.ensure("last", 1) fail("no") end)', { "last" } },
  }

  it("of a step, of each kind of step, by the command that is printed", function()
    local last, names = nil, {}
    for name, row in pairs(STEPS) do
      if name == "Fails" then
        last = row[1]
      else
        names[#names + 1] = name
      end
    end
    table.sort(names)
    local body = {}
    for i, name in ipairs(names) do
      body[i] = STEPS[name][1]
    end
    body[#body + 1], names[#names + 1] = last, "Fails"
    toy:runbook("kinds", table.concat(body, "\n"))
    assert.equal(1, toy:o2x({ "run", "kinds", "alpha" }).code)
    local id, there = newest(), toy:holds()
    for _, name in ipairs(names) do
      local row = STEPS[name]
      local shown = ok(toy:o2x { "undo", id .. "#" .. name })
      local line = shown.stdout:match "To undo: ([^\n]+)"
      local result
      if line then
        result = paste(line)
      else
        assert.truthy(shown.stdout:find("Nothing to undo.", 1, true), shown.stdout)
        result = toy:o2x { "undo", id .. "#" .. name, "--confirm=alpha" }
      end
      assert.equal(row.code or 0, result.code, name .. result.stderr)
      if row.says then assert.truthy(result.stderr:find(row.says, 1, true), result.stderr) end
      for _, gone in ipairs(row[2]) do
        there[gone] = nil
      end
      for key, was in pairs(row.back or {}) do
        there[key] = was
      end
      assert.same(there, toy:holds(), name)
    end
    toy:o2x { "undo", id, "--confirm=alpha" }
    assert.same({ loud = 1 }, toy:holds())
  end)

  it("needs neither the runbook nor the library as they were, nor at all", function()
    for _, change in ipairs {
      function() toy:write("stdlib/house.lua", "return { build = 1 }") end,
      function() toy:write("stdlib/house.lua", "no Lua(") end,
      function() toy:write("runbooks/build.lua", "no Lua(") end,
      function() fs.remove(toy.project .. "/runbooks/build.lua") end,
      function() fs.remove(toy.project .. "/stdlib/house.lua") end,
    } do
      toy:__close()
      toy = toys.new()
      ok(toy:o2x { "run", "build", "alpha" })
      local id, built = newest(), toy:holds()
      change()
      ok(paste(toy:o2x({ "undo", id }).stdout:match "To undo: ([^\n]+)"))
      assert.same({}, toy:holds())
      ok(paste(toy:o2x({ "undo", newest() }).stdout:match "To undo: ([^\n]+)"))
      assert.same(built, toy:holds())
    end
  end)

  it("and a resume of a tenant whose file is gone say to put it back", function()
    toy:fault("sign", "failed")
    assert.equal(1, toy:o2x({ "run", "build", "alpha" }).code)
    local id, file = newest(), toy.project .. "/platform/tenants/alpha.yaml"
    fs.rename(file, toy.project .. "/platform/tenants/omega.yaml")
    for _, words in ipairs { { "undo", id }, { "undo", id, "--confirm=alpha" }, { "resume", id } } do
      local result = toy:o2x(words)
      assert.equal(3, result.code)
      local said = (
        "o2x: unknown tenant alpha\n     its file does not exist: %s; put the file back as the run had it, under "
        .. "that name\n"
      ):format(file)
      assert.equal(said, result.stderr)
    end
    fs.rename(toy.project .. "/platform/tenants/omega.yaml", file)
    ok(toy:o2x { "resume", id })
  end)

  it("is one of three ways after a failure, each as it is printed", function()
    for what, way in pairs {
      retry = { "\n  next: ([^\n]+)", function() return toy:holds().sign ~= nil end },
      skip = { "\n  done by hand: ([^\n]+)", function() return toy:json({ "show", "--json" }).status == "done" end },
      undo = { "\n  to go back: ([^\n]+)", function() return next(toy:holds()) == nil end },
    } do
      for _, at in ipairs { "a run", "a resume" } do
        toy:reset()
        toy:fault("sign", "failed")
        local failed = toy:o2x { "run", "build", "alpha" }
        if at == "a resume" then
          toy:fault("sign", "failed")
          failed = toy:o2x { "resume" }
        end
        assert.equal(1, failed.code, failed.stderr)
        local line = failed.stderr:match(way[1])
        if what == "skip" then
          local text = json.encode { text = "Alpha Ltd at 1" }
          fs.write(toy.system .. "/sign", text)
        end
        local result = ok(paste(line))
        local more = result.stdout:match "To undo: ([^\n]+)" -- it shows first
        if more then ok(paste(more)) end
        assert.is_true(way[2](), what .. " after " .. at)
      end
    end
  end)
end)
