--- What a check has found: a line of what is there, and findings, each with the line that mends it.

local errors = require "o2x.base.error"
local value = require "o2x.base.value"

local M = {}

---@class o2x.doctor.Note
---@field name string
---@field facts string[] what is there, for one line
---@field findings { text: string, mend: string?, code: integer }[] code: the exit code that it asks for
local Note = {}
Note.__index = Note

--- The exit codes: a finding, a system that does not answer or denies access.
M.FOUND, M.UNREACHABLE = 2, 4

local REFUSES <const> = { unreachable = true, unauthorised = true, timeout = true }

--- An empty note.
---@param name string of the check
---@return o2x.doctor.Note
function M.new(name) return setmetatable({ name = name, facts = {}, findings = {} }, Note) end

--- Adds something that is there.
---@param text string
---@param ... any its arguments
function Note:fact(text, ...) self.facts[#self.facts + 1] = text:format(...) end

--- Adds something that is wrong.
---@param text string
---@param mend string? what to type
---@param code integer?
function Note:finding(text, mend, code)
  self.findings[#self.findings + 1] = { text = text, mend = mend, code = code or M.FOUND }
end

--- Adds what is missing.
---@param missing { text: string, mend: string }[]
function Note:add(missing)
  for _, one in ipairs(missing) do
    self:finding(one.text, one.mend)
  end
end

--- Adds an error as a finding.
---@param err any
---@param mend string? where the error has no hint
function Note:error(err, mend)
  err = errors.wrap(err)
  if err.kind == "cancelled" then error(err, 0) end
  local hint = err.hint and value.text(err.hint) or mend
  self:finding(value.text(err), hint, REFUSES[err.kind] and M.UNREACHABLE or M.FOUND)
end

--- Runs a part of a check: its error is a finding, and the check goes on.
---@param mend string? where the error has no hint
---@param fn function
---@param ... any arguments of fn
---@return any result nil after an error
function Note:try(mend, fn, ...)
  local ok, result = xpcall(fn, errors.handler, ...)
  if ok then return result end
  self:error(result, mend)
end

--- How bad is it?
---@return "ok"|"found"|"unreachable"
function Note:state()
  local state = "ok"
  for _, one in ipairs(self.findings) do
    if one.code == M.UNREACHABLE then return "unreachable" end
    state = "found"
  end
  return state
end

return M
