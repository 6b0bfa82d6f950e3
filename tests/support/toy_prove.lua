--- o2x prove over the toy platform: each test has a toy, whose runbook is proved in toy labs.

local json = require "o2x.base.json"

local M = {}

--- Proves a runbook of a toy.
---@param toy table
---@param words string[] runbook, tenant, options
---@param env table<string, string>?
---@return table result as of --json
---@return table raw code, stdout, stderr
function M.run(toy, words, env)
  local raw = toy:o2x({ "prove", "--json", table.unpack(words) }, env)
  assert(raw.code == 0 or raw.code == 1, ("exit %s\n%s"):format(raw.code, raw.stderr))
  return json.decode(raw.stdout), raw
end

--- The failures of a result, as text for people.
---@param result table
---@return string
function M.failures(result)
  local lines = {}
  for _, one in ipairs(result.failures) do
    lines[#lines + 1] = ("%s %s: %s"):format(one.case, one.what, one.problem)
  end
  return table.concat(lines, "\n")
end

return M
