--- Breakers for looks: who only looks at systems (a plan, an audit, a checklist) does not wait again and again for a
--- server that has stopped answering. After a read that waited in vain, the next one gets a short time only; if that
--- is in vain, too, nobody asks the server any more. A run has no breakers: it waits.
---
---     breaker.within(look, …)                          -- breakers of its own
---     breaker.guard("Vault at https://…", send, …)     -- around each question to that server

local errors = require "o2x.base.error"
local task = require "o2x.base.task"

local M = {}

local LONG <const> = 5 -- seconds without an answer that count as silence
local SHORT <const> = 3 -- seconds that a server gets which has been silent

--- The code of the error of a question that was not sent.
M.CODE = "not_asked"

local SILENT <const> = { timeout = true, unreachable = true, unknown = true, cancelled = true }

-- Did nobody answer for so long? The one who asked may have given up first, by a shorter deadline of his own.
local function is_silence(err, seconds)
  return seconds >= LONG and errors.is(err) and SILENT[err.kind] and not err.answered
end

local function refuse(server, seconds)
  errors.raise {
    kind = "unreachable",
    code = M.CODE,
    message = ("%s does not answer (waited %.0f s), and is not asked again"):format(server, seconds),
    retryable = false,
  }
end

local function state_of(all, server)
  local one = all[server] or { answers = 0 }
  all[server] = one
  return one
end

-- The first question since a server was silent. What else is asked meanwhile gets no more time.
local function probe(one, own, who, fn, ...)
  local results = table.pack(pcall(task.timeout, SHORT, fn, ...))
  if results[1] then
    one.silent, one.answers = nil, one.answers + 1
    return table.unpack(results, 2, results.n)
  end
  local err = results[2]
  local is_vain = errors.is(err) and err.kind == "timeout" and not err.module
  if is_vain or errors.is(err) and err.code == M.CODE then
    own.open = own.silent ~= nil
    one.open = one.open or one.by ~= who
    refuse(who, one.silent)
  end
  if not (errors.is(err) and SILENT[err.kind]) then one.silent = nil end -- it answered
  error(err, 0)
end

local function watched(one, who, fn, ...)
  local began, answers = task.now(), one.answers
  local results = table.pack(pcall(fn, ...))
  if results[1] then
    one.answers = one.answers + 1
    return table.unpack(results, 2, results.n)
  end
  local seconds = task.now() - began
  -- Where others were answered meanwhile, it is not the server that is slow.
  if is_silence(results[2], seconds) and one.answers == answers then
    one.silent, one.by = seconds, who
  end
  error(results[2], 0)
end

-- who: the server, or what is asked by way of it
local function ask(all, server, who, fn, ...)
  local one = state_of(all, server)
  if one.open then refuse(server, one.silent) end
  if one.silent then return probe(one, state_of(all, who), who, fn, ...) end
  return watched(one, who, fn, ...)
end

--- Has this task breakers? If not, guard does nothing but call.
---@return boolean
function M.active() return task.context().breakers ~= nil end

--- Calls fn with breakers of its own, or those of a look that it is a part of. The tasks that it starts have them, too.
---@param fn function
---@param ... any arguments of fn
---@return any its results
function M.within(fn, ...)
  if M.active() then return fn(...) end
  return task.within("breakers", {}, fn, ...)
end

--- Asks a server, unless it has stopped answering.
---@param server string names it, for people too
---@param fn function asks
---@param ... any arguments of fn
---@return any its results; raises "unreachable" with code "not_asked" where nobody asks any more
function M.guard(server, fn, ...)
  local all = task.context().breakers
  if not all then return fn(...) end
  return ask(all, server, server, fn, ...)
end

--- Asks something behind a server, such as a service behind a proxy. If it does not answer, that may be its own fault:
--- the server counts as silent only if something else behind it does not answer either.
---@param server string
---@param name string of what is asked
---@param fn function asks
---@param ... any arguments of fn
---@return any its results
function M.guard_behind(server, name, fn, ...)
  local all = task.context().breakers
  if not all then return fn(...) end
  local own, arguments = state_of(all, name), table.pack(...)
  if own.open then refuse(name, own.silent) end -- without asking the server about it
  return ask(all, server, name, function() return ask(all, name, name, fn, table.unpack(arguments, 1, arguments.n)) end)
end

return M
