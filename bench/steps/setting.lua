-- Long runbooks of the toy platform of the tests.

local toys = require "tests.support.toy"

local M = {}

local BODY <const> = {
  steps = [[for i = 1, params.count do step("step " .. i, function() return i end) end]],
  effects = [[for _ = 1, params.count do toy.ensure("one", { v = 1 }) end]],
}

--- A platform with the runbooks "steps" and "effects": so many steps without an effect, so many effects in no step.
---@return table toy
function M.new()
  local toy = toys.new()
  for name, body in pairs(BODY) do
    toy:runbook(name, body, 'params = { count = { "integer", help = "how many" } },')
  end
  toy.env.O2X_LIMITS_STEPS, toy.env.O2X_LIMITS_EFFECTS = "1000000", "1000000"
  return toy
end

--- The command that runs one of them.
---@param toy table
---@param name string
---@param count integer
---@return string[] argv
function M.argv(toy, name, count)
  local command = 'cd "$1"; shift; exec "$@"'
  local o2x = require("tests.support.build").dev
  local program = require("o2x.base.fs").realpath "tests/support/o2x.lua"
  return { "sh", "-c", command, "sh", toy.project, o2x, program, "run", name, "alpha", "count=" .. count, "--quiet" }
end

return M
