-- A run gives its tenant back after its end is written. Killed there it is over; the case of two kills ran the runbook
-- a second time, and a rollback has no second one.

local case = require "o2x.prove.case"
local fs = require "o2x.base.fs"

local ID <const> = "R-20260102-030405-abcd"

-- A ground on which the first command is killed when `journal` is written. -> the commands that were given
local function played(journal)
  local folder = fs.temp_folder()
  local commands = {}
  local ground = {
    state = folder,
    tenant = "urbanos",
    lab = { log = function() return {} end },
    fresh = function() end,
    run_words = function() return { "run", "rollback", "urbanos" } end,
    runs = function() return { ID } end,
    compare = function() return nil, false end,
    leftovers = function() end,
    texts = function() return "" end,
  }
  function ground:o2x(words, act)
    commands[#commands + 1] = table.concat(words, " ")
    if #commands == 1 then fs.write(fs.join(folder, ID, "journal"), journal, { parents = true }) end
    return { code = not act and 0 or nil, signal = act and 9 or nil, clean = true, stdout = "", stderr = "" }
  end
  local problem, skipped = case.play(ground, { log = {}, secrets = {}, state = {} }, {
    kind = "twice",
    label = "after request",
    nth = 1,
    second = 3,
  })
  fs.remove_tree(folder)
  assert.same({}, { problem, skipped })
  return commands
end

describe("a case of two kills", function()
  it(
    "does not begin a run again that had ended",
    function() assert.same({ "run rollback urbanos" }, played '{"t":"begin"}\n{"t":"end","status":"done"}\n') end
  )

  it("kills the resume of one that had not, and goes on", function()
    local resume = "resume " .. ID
    assert.same({ "run rollback urbanos", resume, resume }, played '{"t":"begin"}\n')
  end)
end)
