--- A run without a runbook: the real gate over an effects module, for tests of effect types.

local clients = require "o2x.engine.clients"
local context = require "o2x.engine.context"
local gate = require "o2x.engine.gate"
local effects = require "o2x.effects"
local plan = require "o2x.engine.plan"
local silent = require "tests.support.silent"

local M = {}

local runs = 0

--- Makes the run.
---@param options {mode: "apply"|"plan", module: string, config: table, scope: table, past: table?, id: string?}
---@return table api of the module
---@return table run journal.records is what a journal would hold; plan; close()
function M.run(options)
  runs = runs + 1
  local run = {
    mode = options.mode,
    id = options.id or ("run-%d"):format(runs),
    config = options.config,
    scope = options.scope,
    past = options.past,
    declared = setmetatable({}, { __index = function() return true end }),
    report = silent(),
    plan = plan.new(),
    now = function() return "2026-02-10T12:00:00Z" end,
    journal = { records = {}, append = function(self, record) table.insert(self.records, record) end },
  }
  -- A test sees what is wrong by the error that it raises.
  function run.plan.goes_on_after() return false end
  run.client, run.close = clients.new(run.config, run.scope, run)
  run.gate = gate.new(run)
  run.ctx = context.new(run)
  run.ctx.run_id = run.id
  return effects.bind(run, effects.find(options.module)), run
end

return M
