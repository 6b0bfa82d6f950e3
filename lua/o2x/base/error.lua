--- The error object of o2x: what failed, where, why, and what to type next. Scripts get these objects from pcall, so
--- they are read-only views: nobody reaches what they share, or changes what is reported. o2x itself uses amend.

local core = require "o2x.core.task"
local frozen = require "o2x.base.frozen"
local sandbox = require "o2x.core.sandbox"

local M = {}

local made = setmetatable({}, { __mode = "k" }) -- the error objects

local EXIT_CODES = {
  input = 3,
  refused = 3,
  unreachable = 4,
  unauthorised = 4,
  locked = 5,
  frozen = 5,
  unapproved = 6,
  cancelled = 130,
}

local function text_of(err)
  local text = err.message or err.kind
  return err.where and err.where .. ": " .. text or text
end

---@class o2x.error.fields
---@field kind string "input", "refused", "failed", "unreachable", "conflict" …; decides the exit code
---@field message string what went wrong, in one line
---@field hint string? what to type next
---@field meant string[]? the words of the command line as they were meant: the hint is the command with them
---@field lacks string|string[]? what the command line lacks: the hint is the whole command with it
---@field details string[]? more lines for people
---@field where string? file:line or path
---@field line string? of the script that raised it, where that is not shown
---@field check string? the check that failed
---@field why table? of a time limit: the error that was met before, and tried again
---@field module string? of o2x that met it
---@field op string? what it was doing
---@field code any the system's own code
---@field retryable boolean? whether the operation was surely not carried out
---@field behind boolean? a server answered, and said that what is asked by way of it does not
---@field outdated boolean? a guard refused a write: what was compared had changed meanwhile (base/guard.lua)
---@field final boolean? a script cannot catch it: it would learn from the refusal what it must not know
---@field cause any

--- Makes an error object without raising it.
---@param fields o2x.error.fields
---@return table error
function M.new(fields)
  local err = frozen.new(fields, nil, "the %s of an error is read-only")
  debug.getmetatable(err).__tostring = text_of
  made[err] = true
  return err
end

--- Adds to an error object, or corrects it, where more is known than where it was made.
---@param err table
---@param fields o2x.error.fields those that change
---@return table err
function M.amend(err, fields)
  local contents = frozen.contents[err]
  for name, field in pairs(fields) do
    contents[name] = field
  end
  return err
end

--- Makes an error object and raises it.
---@param fields table see new
function M.raise(fields) error(M.new(fields), 0) end

--- Raises bad input: one line, no traceback.
---@param message string
---@param hint string? what to type next
---@param where string? file:line or path
function M.input(message, hint, where) M.raise { kind = "input", message = message, hint = hint, where = where } end

--- Is the value an error object?
---@param value any
---@return boolean
function M.is(value) return made[value] == true end

-- The text of any raised value; a table of a script may refuse to become one.
local function text_of_any(value)
  local ok, text = pcall(tostring, value)
  local metatable = debug.getmetatable(value)
  if type(value) == "string" or metatable and metatable.__tostring and ok then return text end
  return type(value) == "number" and text or ("(error object is a %s value)"):format(type(value))
end

-- Lua's own error says neither where nor what to do. It is a plain text, and no message handler is called for it.
local function out_of_memory()
  return M.new {
    kind = "failed",
    code = "memory",
    where = sandbox.out_of_memory(),
    message = "not enough memory for what the scripts hold",
    hint = "work on less at a time, or raise limits.memory in o2x.yaml",
  }
end

-- A library of the machine that is missing, or for which there is no memory (host/lazy.c).
local function missing_library(value)
  local message = type(value) == "string" and value:match "([%w'][%w' ]* cannot be loaded: .*)$"
  if not message then return nil end
  return M.new { kind = "failed", code = "library", message = message, hint = "install it; or allow more: ulimit -v" }
end

--- Turns any raised value into an error object; a value that is not one becomes a bug with its traceback.
---@param value any
---@param traceback string?
---@return table error
function M.wrap(value, traceback)
  if M.is(value) then return value end
  if value == "not enough memory" then return out_of_memory() end
  return missing_library(value) or M.new { kind = "bug", message = text_of_any(value), traceback = traceback }
end

--- A message handler for xpcall: wraps everything but error objects, with a traceback.
---@param value any
---@return table error
function M.handler(value)
  if M.is(value) then return value end
  return M.wrap(value, debug.traceback(text_of_any(value), 2))
end

--- The program's exit code for an error.
---@param err table
---@return integer
function M.exit_code(err) return EXIT_CODES[err.kind] or 1 end

--- Returns the results of a native call, or raises the error that it reported.
---@param fields table of the error to raise (kind, module, op); message and code come from the step
---@param value any first result of the step
---@param message string?
---@param code any
---@param ... any more values to return
---@return any value
function M.check(fields, value, message, code, ...)
  if value ~= nil then return value, message, code, ... end
  local copy = { message = message, code = code }
  for key, field in pairs(fields) do
    if key == "message" then field = field .. ": " .. tostring(message) end
    copy[key] = field
  end
  M.raise(copy)
end

--- The error that a cancelled task gets at its next wait.
M.cancelled = M.new { kind = "cancelled", message = "interrupted" }
core.set_cancelled(M.cancelled)

--- Raises kind `input` where a system is not configured.
---@param setting any
---@param what string the system
---@param variable string by which it is configured
function M.need_setting(setting, what, variable)
  if setting then return end
  M.input(
    ("%s is not configured"):format(what),
    ("set %s, or write it into o2x.yaml; o2x config explain shows what is set"):format(variable)
  )
end

return M
