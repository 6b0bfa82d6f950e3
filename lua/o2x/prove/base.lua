--- The undisturbed run, with which every case is compared: its points, what it asked, what it leaves.

local errors = require "o2x.base.error"
local faults = require "o2x.prove.faults"
local fs = require "o2x.base.fs"
local traces = require "o2x.prove.traces"
local verdict = require "o2x.prove.verdict"

local M = {}

local function must(result, what)
  if result.code == 0 then return result end
  errors.raise {
    kind = "failed",
    module = "prove",
    message = ("%s did not end well in the lab: %s"):format(what, verdict.error_line(result)),
    hint = "o2x prove needs a run that succeeds; --after prepares what it needs",
  }
end

-- What may not be in any output: passwords and tokens of the lab, and what the tenant's secrets file has.
local function secrets_of(lab)
  local list = {}
  for name, text in pairs(lab.env) do
    if (name:find "PASSWORD" or name:find "TOKEN" or name:find "SECRET_ACCESS") and #text > 5 then
      list[#list + 1] = text
    end
  end
  for _, text in ipairs(lab.secrets or {}) do
    list[#list + 1] = text
  end
  return list
end

local function without_confirm(words)
  local list = {}
  for _, word in ipairs(words) do
    if not word:find "^%-%-confirm" then list[#list + 1] = word end
  end
  return list
end

-- "SERVICE KIND" → false, where the lab has no such fault.
local function unfit_faults(lab, log)
  local unfit = {}
  for _, request in ipairs(log) do
    local asked = request.method and not faults.by_statement(request.service)
    for _, fault in ipairs(asked and faults.of_service(request.service) or {}) do
      local kind = fault[1]
      local name = request.service .. " " .. kind
      if unfit[name] == nil then
        unfit[name] = pcall(lab.fault, lab, { service = request.service, kind = kind, nth = 1, match = "no such" })
        pcall(lab.fault, lab, { service = request.service, kind = "off" })
      end
    end
  end
  return unfit
end

local function prepare(ground, after)
  for _, words in ipairs(after) do
    must(ground:o2x(words), "o2x " .. table.concat(words, " "))
  end
  must(ground:o2x({}, nil, { tables = ground.tenant }), "making the tables of locks")
  ground:o2x { "plan", table.unpack(without_confirm(ground.words)) } -- what the first look makes is there, and kept
  ground.lab:snapshot "start"
  ground:fresh "start"
end

--- Runs it, and keeps the lab before and after.
---@param ground o2x.prove.Ground
---@param after string[][] commands that come first
---@return table base
function M.play(ground, after)
  prepare(ground, after)
  local base =
    { start = ground:picture "start", plan_words = without_confirm(ground.words), secrets = secrets_of(ground.lab) }
  local result
  ground.relayed = true -- so that statements and commands are in the log
  result, base.points = ground:noted(ground:run_words())
  ground.relayed = false
  must(result, "the undisturbed run")
  base.log = ground.lab:log { statements = true }
  base.state = ground:picture "end"
  base.touched = traces.touched(base.start.full, base.state.full)
  base.repaired = { touched = base.touched, after = base.state.full, tenant = ground.tenant, both = true }
  base.journal = fs.read(fs.join(ground.state, ground:runs()[1], "journal"))
  base.store = ground:keep "store"
  base.unchanged = not base.journal:find('"t":"result"', 1, true)
  base.state.idle = base.unchanged
  ground.lab:snapshot "end"
  base.unfit = unfit_faults(ground.lab, base.log)
  if not base.unchanged then
    local _, points = ground:noted { "undo", ground:runs()[1], "--confirm=" .. ground.tenant }
    base.undone, base.undo_log = points, ground.lab:log()
  end
  return base
end

return M
