--- A run without a runbook for a tenant of a lab: the real gate, clients and grants, in this process. So a test can do
--- something between a comparison and a write.

local config = require "o2x.project.config"
local effects = require "o2x.effects"
local fs = require "o2x.base.fs"
local preparation = require "o2x.engine.preparation"
local project = require "o2x.project.project"
local silent = require "tests.support.silent"

local M = {}

--- Makes the run.
---@param lab table of tests/support/lab.lua
---@param tenant string
---@param o { id: string, past: table?, params: table?, webhook: string? }
---@return table api by module: api.pg, api.k8s …
---@return table run records: of the journal; close it by close_clients
function M.new(lab, tenant, o)
  local found = project.at(fs.cwd())
  local environment = lab:environment { O2X_WEBHOOK_URL = o.webhook }
  local run = preparation.look(found, config.load(found, {}, environment), tenant)
  run.id, run.past, run.params, run.records = o.id, o.past, o.params or {}, {}
  run.report, run.ctx.run_id = silent(), o.id
  run.declared = setmetatable({}, { __index = function() return true end })
  run.journal = { append = function(_, record) table.insert(run.records, record) end }
  local api = setmetatable({}, { __index = function(_, name) return effects.bind(run, effects.find(name)) end })
  return api, run
end

return M
