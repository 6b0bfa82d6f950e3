-- The journal was masked as text: a secret equal to a name, a date or a piece of JSON broke the records, and the run
-- could not be resumed, or wrote something twice.

local fs = require "o2x.base.fs"
local journal = require "o2x.engine.journal"
local json = require "o2x.base.json"
local toys = require "tests.support.toy"

-- Scripts do not contain secrets, so the texts are put together here.
local BODY = [[
    step("plant" .. "ing", function()
      toy.ensure("tree-" .. tenant.name, { height = 1234560 + 7, note = "fine", flag = "true" })
    end)
    step("water", function() toy.ensure("lake-" .. tenant.name, { depth = 2 }) end)
]]

-- Texts of the records themselves.
local SECRETS = {
  '","path":"',
  '"t":"intent"',
  '"},{"x',
  "planting",
  '":{"depth":2',
  "applying",
  '"kind":',
  '{"$secret":"x"}',
  "\\u0022",
}

-- A killed run and what resume makes of it.
local function kill_and_resume(path, kill)
  local toy <close> = toys.new()
  toy:runbook("tend", BODY)
  local killed = toy:o2x({ "run", "tend", "alpha", "--secrets=" .. path }, { O2X_KILL_AT = tostring(kill) })
  assert.equal(9, killed.signal, killed.stderr)
  local resumed = toy:o2x { "resume" }
  assert.equal(0, resumed.code, resumed.stderr)
  local id = toy:json({ "show", "--json" }).id
  local records = journal.read(toy.state .. "/" .. id .. "/journal")
  assert.equal("end", records[#records].t)
  assert.same(
    { ["lake-alpha"] = { depth = 2 }, ["tree-alpha"] = { height = 1234567, note = "fine", flag = "true" } },
    toy:holds()
  )
  assert.equal(2, #toy:writes(), table.concat(toy:writes(), "; "))
end

-- What the system held before, and what the run must replace.
local function kill_and_resume_over(path, text, kill)
  local toy <close> = toys.new()
  toy:runbook("tend", BODY)
  fs.write(toy.system .. "/tree-alpha", json.encode { note = "was " .. text, [text] = { 1, text } })
  local killed = toy:o2x({ "run", "tend", "alpha", "--secrets=" .. path }, { O2X_KILL_AT = tostring(kill) })
  assert.equal(9, killed.signal, killed.stderr)
  local resumed = toy:o2x { "resume" }
  assert.equal(0, resumed.code, resumed.stderr)
  assert.equal(1234567, toy:holds()["tree-alpha"].height)
  assert.equal(2, #toy:writes(), table.concat(toy:writes(), "; "))
  local id = toy:json({ "show", "--json" }).id
  local kept = fs.read(toy.state .. "/" .. id .. "/journal")
  assert.is_nil(kept:find(text, 1, true), kept)
  assert.matches('"$masked"', kept, 1, true)
end

describe("a run with a secret that its records contain", function()
  for _, text in ipairs(SECRETS) do
    it("is killed and resumed: " .. text, function()
      local folder = fs.temp_folder "/tmp/o2x-odd-"
      local path = folder .. "/secrets.yaml"
      fs.write(path, "odd: '" .. text:gsub("'", "''") .. "'\n", { mode = tonumber("600", 8) })
      for _, kill in ipairs { 1, 2, 3, 5 } do
        kill_and_resume(path, kill)
      end
      fs.remove_tree(folder)
    end)
  end

  it("is killed and resumed when the system holds the secret", function()
    local folder = fs.temp_folder "/tmp/o2x-odd-"
    local path = folder .. "/secrets.yaml"
    fs.write(path, "odd: open-sesame\n", { mode = tonumber("600", 8) })
    for _, kill in ipairs { 1, 2, 3 } do
      kill_and_resume_over(path, "open-sesame", kill)
    end
    fs.remove_tree(folder)
  end)
end)
