--- The replay of an undo. Its script is the journal of the run that it takes back (undo.lua), so that is in its
--- capsule. What it asked the systems is on its tape (reversal.ask): where each effect goes back to, what is there now,
--- what came of each write. So the same is taken back in the same order, with the same values, and conflicts are found
--- again, though no system is there.

local errors = require "o2x.base.error"
local gate = require "o2x.engine.gate"
local history = require "o2x.engine.history"
local plain = require "o2x.base.plain"
local stand_ins = require "o2x.engine.stand_ins"
local undo = require "o2x.engine.undo"

local M = {}

--- What takes the place of stand-ins for secrets: an undo compares their tags, and hands none on.
---@return table answers
function M.answers()
  local tags = stand_ins.new()
  return {
    revive = function(_, kept) return plain.revive(kept) end,
    difference = function(_, recorded, came) return tags:difference(recorded, came) end,
  }
end

local function no_system() errors.raise { kind = "bug", message = "a replay contacts no system" } end

--- What a replay of an undo has in place of preparation.run.
---@param own table the first record of its journal
---@param records table[] of the run that it takes back
---@param facts table of undo.world
---@param with { report: table, tape: table, journal: table, past: table? }
---@return table run
function M.prepare(own, records, facts, with)
  local run = {
    mode = "apply",
    id = own.id,
    config = { limits = {}, retry = {} },
    tenant_name = own.tenant,
    tenant = {},
    params = {},
    declared = {},
    seen_steps = {},
    now = function() return "" end,
    client = no_system,
    report = with.report,
    tape = with.tape,
    journal = with.journal,
    past = with.past,
    registration = { place = function() return facts.place end },
  }
  run.undo = undo.recalled(history.of(records), own, facts)
  run.store = { summary = function() return run.undo.summary end }
  run.gate = gate.new(run)
  run.runbook = undo.runbook(run.undo)
  run.runbook.run = function() undo.perform(run) end
  return run
end

return M
