-- Undo at odd times, from outside: the program runs as a child process against the toy platform.

local eventually = require "tests.support.eventually"
local fs = require "o2x.base.fs"
local journal = require "o2x.engine.journal"
local ok = require "tests.support.ok"
local proc = require "o2x.base.proc"
local toys = require "tests.support.toy"

describe("undo", function()
  local toy
  before_each(function() toy = toys.new() end)
  after_each(function() toy:__close() end)

  local function newest()
    local runs = toy:json { "runs", "--json" }
    return runs[#runs].id
  end

  local function build()
    ok(toy:o2x { "run", "build", "alpha" })
    return newest()
  end

  -- Refused with one message, and nothing was touched.
  local function refused(words, code, says)
    local holds, writes = toy:holds(), #toy:writes()
    local result = toy:o2x(words)
    assert.equal(code, result.code, result.stderr)
    assert.truthy(result.stderr:find(says, 1, true), result.stderr)
    assert.equal(1, select(2, result.stderr:gsub("o2x: ", "")), result.stderr)
    assert.is_nil(result.stderr:find("traceback", 1, true))
    assert.same(holds, toy:holds())
    assert.equal(writes, #toy:writes())
  end

  it("takes back what a run did before and after it was resumed with an edited script", function()
    toy:runbook("hand", [[step("Make", toy.ensure, "a", 1) step("Paint", toy.ensure, "b", 2)]])
    toy:fault("b", "failed")
    assert.equal(1, toy:o2x({ "run", "hand", "alpha" }).code)
    toy:runbook("hand", [[step("Make", toy.ensure, "a", 1) step("Varnish", toy.ensure, "c", 3)]])
    ok(toy:o2x { "resume", "--edited" })
    assert.same({ a = 1, c = 3 }, toy:holds())
    ok(toy:o2x { "undo", newest(), "--confirm=alpha" })
    assert.same({}, toy:holds())
  end)

  it("takes back what an edited script wrote over its own", function()
    toy:write("../system/a", "7")
    toy:runbook("hand", [[step("Make", toy.ensure, "a", 1) step("Paint", toy.ensure, "b", 2)]])
    toy:fault("b", "failed")
    assert.equal(1, toy:o2x({ "run", "hand", "alpha" }).code)
    toy:runbook("hand", [[step("Make", toy.ensure, "a", 1) step("Paint", function() toy.ensure("a", 5) end)]])
    ok(toy:o2x { "resume", "--edited" })
    assert.same({ a = 5 }, toy:holds())
    ok(toy:o2x { "undo", newest(), "--confirm=alpha" })
    assert.same({ a = 7 }, toy:holds())
  end)

  -- What older journals do not have, field by field, and all of it at once.
  local LATER <const> = { "place", "show", "seconds", "whole", "taken", "reference", "class", "at", "image" }
  for i = 1, #LATER + 1 do
    it("reads a journal without " .. (LATER[i] or "all of these"), function()
      local id = build()
      local path = ("%s/%s/journal"):format(toy.state, id)
      local records = journal.read(path)
      fs.remove(path)
      local begin = table.remove(records, 1)
      local older = journal.create(path, begin)
      for _, record in ipairs(records) do
        for n, field in ipairs(LATER) do
          local kept = field == "at" and record.t == "end"
          if (n == i or i > #LATER) and not kept then record[field] = nil end
        end
        older:append(record, true)
      end
      older:commit()
      older:close()
      ok(toy:o2x { "show", id })
      ok(toy:o2x { "undo", id, "--confirm=alpha" })
      assert.same({}, toy:holds())
    end)
  end

  it("waits for nobody: another run of the tenant has the lock", function()
    local id = build()
    local before = #toy:writes()
    toy:runbook("slow", [[step("Wait", function() toy.ensure("slow", 1) toy.wait(300) end)]])
    local child <close> = toy:start { "run", "slow", "alpha" }
    eventually("the other run", function() return #toy:writes() > before end) -- noted last
    refused({ "undo", id, "--confirm=alpha" }, 5, "alpha")
    child:kill(9)
    proc.wait(child, 60)
    ok(toy:o2x { "undo", id, "--confirm=alpha" })
    assert.same({ slow = 1 }, toy:holds())
  end)

  it("touches nothing while a system is down, says so in one line, and can be started again", function()
    local id = build()
    toy:write("../system/.down", "")
    refused({ "undo", id }, 4, "the toy does not answer")
    refused({ "undo", id, "--confirm=alpha" }, 4, "the toy does not answer")
    assert.equal("refused", toy:json({ "runs", "--json" })[2].status)
    fs.remove(toy.system .. "/.down")
    ok(toy:o2x { "undo", id, "--confirm=alpha" })
    assert.same({}, toy:holds())
  end)

  it("happens once, if it is begun twice at the same time", function()
    local id = build()
    local children, codes = {}, {}
    for i = 1, 3 do
      children[i] = toy:start({ "undo", id, "--confirm=alpha" }, nil, ("%s/%d.log"):format(toy.dir, i))
    end
    for _, child in ipairs(children) do
      local code = proc.wait(child, 60)
      codes[code] = (codes[code] or 0) + 1
      child:close()
    end
    assert.equal(1, codes[0], "exactly one is done")
    assert.equal(2, (codes[3] or 0) + (codes[5] or 0))
    assert.same({}, toy:holds())
    assert.equal(14, #toy:writes())
  end)

  it("needs the tenant's file, which says what may be touched", function()
    local id = build()
    local file = toy.project .. "/platform/tenants/alpha.yaml"
    local text = fs.read(file)
    fs.remove(file)
    refused({ "undo", id }, 3, "alpha")
    refused({ "undo", id, "--confirm=alpha" }, 3, "alpha")
    toy:write("platform/tenants/delta.yaml", text) -- renamed
    refused({ "undo", id, "--confirm=alpha" }, 3, "alpha")
    refused({ "undo", id, "--confirm=delta" }, 3, "was for alpha")
    fs.write(file, text)
    ok(toy:o2x { "undo", id, "--confirm=alpha" })
    assert.same({}, toy:holds())
  end)

  it("takes back a step inside another by its path, and knows which was meant", function()
    local id = build()
    ok(toy:o2x { "undo", id .. "#Furnish/room 2", "--confirm=alpha" })
    assert.is_nil(toy:holds()["room-2"])
    assert.truthy(toy:holds()["room-1"])
    refused({ "undo", id .. "#Furnish/rom 1" }, 3, "has no step Furnish/rom 1; did you mean Furnish/room 1?")
    refused({ "undo", id .. "#furnish" }, 3, "did you mean Furnish?")
    refused({ "undo", id .. "#room 1" }, 3, "did you mean Furnish/room 1?")
    refused({ "undo", id .. "#Furnish/room 2" }, 3, "was undone by")
    refused({ "undo", id .. "#99" }, 3, "has no step 99")
    refused({ "undo", id .. "#" }, 3, "there is no step after #")
  end)
end)
