--- What a check has found: a line of what is there, and findings, each with the line that mends it. What has one cause
--- is one finding: it is mended once.

local errors = require "o2x.base.error"
local value = require "o2x.base.value"

local M = {}

---@class o2x.doctor.Note
---@field name string
---@field facts string[] what is there, for one line
---@field findings { text: string, mend: string?, code: integer, cause: string }[] code: the exit code that it asks for
---@field said integer? the code of what another check has said already
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
---@param cause string? the same for all that is mended at once; default: the text
function Note:finding(text, mend, code, cause)
  cause = cause or text
  for _, one in ipairs(self.findings) do
    if one.cause == cause then return end
  end
  self.findings[#self.findings + 1] = { text = text, mend = mend, code = code or M.FOUND, cause = cause }
end

--- Leaves out what was found already, by another check.
---@param seen table<string, string> cause → the check that said it; gets those of this one
function Note:leave_out(seen)
  local rest = {}
  for _, one in ipairs(self.findings) do
    local by = seen[one.cause]
    if by then
      self:fact("what %s says", by)
      self.said = math.max(self.said or 0, one.code)
    else
      rest[#rest + 1], seen[one.cause] = one, self.name
    end
  end
  self.findings = rest
end

-- A server that does not answer is one cause, whatever it was asked.
local function cause_of(err, text)
  local server = REFUSES[err.kind] and err.kind ~= "unauthorised" and text:match "%a+://[^/%s]+"
  return server and server .. " does not answer" or text
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
---@param cause string?
function Note:error(err, mend, cause)
  err = errors.wrap(err)
  if err.kind == "cancelled" then error(err, 0) end
  local hint = err.hint and value.text(err.hint) or mend
  local text = value.text(err)
  self:finding(text, hint, REFUSES[err.kind] and M.UNREACHABLE or M.FOUND, cause or cause_of(err, text))
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
  if self.said == M.UNREACHABLE then return "unreachable" end
  local state = self.said and "found" or "ok"
  for _, one in ipairs(self.findings) do
    if one.code == M.UNREACHABLE then return "unreachable" end
    state = "found"
  end
  return state
end

return M
