-- The reason with which a tenant was given back was kept nowhere; a table of an older o2x, or one that lacks a column,
-- was an error without a next step; a row without a sign of life was "0.0 s ago"; and who took the place of a dead run
-- was not told that it is unfinished.

local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local operators = require "tests.support.operators"
local proc = require "o2x.base.proc"

local KILL <const> = 9

describe("the words of a lock", function()
  local place
  setup(function()
    place = operators.start()
    local text = fs.read(place.runbook):gsub('"held"', '"other"')
    fs.write(fs.join(place.folder, "runbooks/other.lua"), text)
    place:go "ben"
    assert.equal(0, (place:start("ben"):ends())) -- makes the table
    place:forget()
  end)
  teardown(function() place:stop() end)
  after_each(function() place:forget() end)

  local function control(text) return place:sql(operators.CONTROL, text) end

  -- A run of ann's that was killed on another machine; its id.
  local function dead()
    local ann = place:start("ann"):waits()
    ann:kill(KILL)
    ann:ends()
    control "UPDATE o2x.lock SET machine = 'another one', heartbeat = now() - interval '1 hour'"
    return control "SELECT run FROM o2x.lock"
  end

  local function release() return place:o2x("ben", { "locks", "--release=acme", "--reason=her laptop is gone" }) end

  local function run_ben(runbook)
    place:go "ben"
    return place:o2x("ben", { "run", runbook or place.runbook, "acme", "who=ben" })
  end

  it("keep why a tenant was given back, until and in the next run's journal", function()
    local run = dead()
    assert.equal(0, release().code)
    local words = "given back by root@%S+, %S+Z, after " .. run:gsub("%-", "%%-") .. ": her laptop is gone"
    assert.matches("no run holds acme: " .. words, place:o2x("cem", { "locks", "acme" }).stderr)
    assert.equal(0, run_ben().code)
    assert.matches(words, place:o2x("ben", { "log", "acme" }).stdout)
    assert.matches(words, place:o2x("ben", { "show" }).stdout)
    assert.equal("no run holds acme\n", place:o2x("cem", { "locks", "acme" }).stderr)
  end)

  for _, column in ipairs { "released", "seconds", "heartbeat" } do
    it("are there again where the table lacks a column: " .. column, function()
      dead()
      control(("ALTER TABLE o2x.lock DROP COLUMN %s"):format(column))
      if column == "released" then assert.equal(0, release().code) end
      local result = run_ben()
      assert.equal(0, result.code, result.stderr)
    end)

    it("say what completes a table that is another's: " .. column, function()
      dead()
      control(("ALTER TABLE o2x.lock DROP COLUMN %s"):format(column))
      control "ALTER SCHEMA o2x OWNER TO postgres; ALTER TABLE o2x.lock OWNER TO postgres"
      control "GRANT USAGE ON SCHEMA o2x TO admin; GRANT ALL ON o2x.lock TO admin"
      local refused = column == "released" and release() or run_ben()
      assert.is_true(refused.code ~= 0)
      local command = refused.stderr:match "psql %-d control %-c [^\n]+"
      local env = place:environment "ben"
      env.PGUSER, env.PGPASSWORD = "postgres", place.server.state.superuser_password
      local mended = proc.run { argv = { "sh", "-c", command or "false" }, env = env }
      assert.equal(0, mended.code, refused.stderr .. mended.stderr)
      local again = column == "released" and release() or run_ben()
      assert.equal(0, again.code, again.stderr)
      control "ALTER SCHEMA o2x OWNER TO admin; ALTER TABLE o2x.lock OWNER TO admin"
    end)
  end

  for what, sql in pairs {
    ["the column"] = "ALTER TABLE o2x.lock DROP COLUMN tenant",
    ["what makes it unique"] = "ALTER TABLE o2x.lock DROP CONSTRAINT lock_pkey",
  } do
    it("say how a table that has lost its key is made anew: " .. what, function()
      dead()
      local before = tonumber(control "SELECT max(number) FROM o2x.lock")
      control(sql)
      local refused = run_ben()
      assert.is_true(refused.code ~= 0)
      assert.matches("without its lock, acme is not changed", refused.stderr, 1, true)
      local command = refused.stderr:match "lost its key; once no run is under way on any machine: (psql [^\n]+)"
      local mended = proc.run { argv = { "sh", "-c", command or "false" }, env = place:environment "ben" }
      assert.equal(0, mended.code, refused.stderr .. mended.stderr)
      local again = run_ben()
      assert.equal(0, again.code, again.stderr)
      assert.is_true(tonumber(control "SELECT number FROM o2x.lock WHERE tenant = 'acme'") > before)
    end)
  end

  it("do not tell an age where there was no sign of life", function()
    dead()
    control "UPDATE o2x.lock SET heartbeat = NULL"
    assert.is_nil(json.decode(place:o2x("ben", { "locks", "--json" }).stdout).locks[1].age)
    assert.matches("never, expired", place:o2x("ben", { "locks" }).stdout, 1, true)
    assert.matches("without a sign of life; it has expired", run_ben().stderr, 1, true)
  end)

  it("name the unfinished run whose place is taken, and what to type", function()
    local run = dead()
    local elsewhere = run_ben()
    assert.equal(0, elsewhere.code, elsewhere.stderr)
    assert.matches(("root asks there [^\n]*o2x show %s"):format(run:gsub("%-", "%%-")), elsewhere.stderr)
    place:forget()
    run = dead()
    place:go "cem"
    local other = place:o2x("ann", { "run", fs.join(place.folder, "runbooks/other.lua"), "acme", "who=cem" })
    assert.equal(0, other.code, other.stderr)
    assert.matches(
      ("it is unfinished, after this run: [^\n]*o2x resume %s"):format(run:gsub("%-", "%%-")),
      other.stderr
    )
    place:go "ann"
    assert.equal(0, place:o2x("ann", { "resume", run }).code)
    place:forget()
    dead()
    place:go "ann"
    local same = place:o2x("ann", { "run", place.runbook, "acme", "who=ann" })
    assert.matches("this run of the same runbook settles that", same.stderr, 1, true)
  end)
end)
