--- A run without a runbook: the real gate and context over clients that a test gives, the journal in memory.

local context = require "o2x.engine.context"
local gate = require "o2x.engine.gate"
local plan = require "o2x.engine.plan"
local task = require "o2x.base.task"

local M = {}

-- A report that keeps what was said.
local function listener(said)
  return setmetatable({}, {
    __index = function(_, what)
      return function(_, ...) said[#said + 1] = { what, ... } end
    end,
  })
end

---@param o { modules: table[], clients: table<string, table>, mode: string?, scope: table?, config: table?,
---  id: string?, past: table? }
---@return table run with api (by module name), records (of the journal), said, plan
function M.new(o)
  local run = {
    mode = o.mode or "apply",
    id = o.id or "R-test",
    scope = o.scope or {},
    config = o.config or {},
    past = o.past,
    declared = setmetatable({}, { __index = function() return true end }),
    records = {},
    said = {},
    seen_steps = {},
    plan = plan.new(),
    now = os.time,
    runbook = { path = "test" },
    api = {},
  }
  -- A test sees what is wrong by the error that it raises.
  function run.plan.goes_on_after() return false end
  run.report = listener(run.said)
  run.journal = { append = function(_, record) run.records[#run.records + 1] = record end }
  run.client = function(name) return o.clients[name] or error("no client " .. name, 0) end
  run.gate = gate.new(run)
  run.ctx = context.new(run)
  run.ctx.run_id = run.id
  for _, module in ipairs(o.modules) do
    run.gate:register(module, run.ctx)
    run.api[module.name] = module.api(run.ctx)
  end

  --- The kinds of the journal's records, in order.
  function run.story()
    local words = {}
    for i, record in ipairs(run.records) do
      words[i] = record.t
    end
    return table.concat(words, " ")
  end

  --- Runs fn as a step of that name.
  function run.within(name, fn, ...) return task.within("step_path", name, fn, ...) end

  return run
end

return M
