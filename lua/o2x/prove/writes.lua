--- What the servers were asked to write, and what of it took effect: nothing may be done more often than in an
--- undisturbed run.
---
---   HTTP         counts unless the server refused it; by the sender's id, and by content, so that a request that is
---                sent again with another id is found as well
---                an object of Kubernetes that a run made, took away and made again is made once, where the
---                undisturbed run takes nothing away: so a release that never got ready is repaired
---   PostgreSQL   statements of transactions that were committed, and those outside of one; what was in a database that
---                was dropped afterwards is gone
---   Redis        commands that change keys

local drawn = require "o2x.prove.drawn"
local sorted_keys = require "o2x.base.sorted_keys"

local M = {}

local LONGEST <const> = 60 -- bytes of a write in a message

local function add(times, name) times[name] = (times[name] or 0) + 1 end

-- ---- PostgreSQL ----

-- Statements that do nothing the second time, by their own words, and those that only end a transaction.
local HARMLESS <const> = {
  "^CREATE [%u ]*IF NOT EXISTS",
  "^DROP [%u ]*IF EXISTS",
  "^ALTER ROLE .* PASSWORD",
  "^GRANT [%u, ]+ ON [%u ]*O2X[%w., ]* TO SESSION_USER$",
  "^COMMENT ON TABLE O2X%.",
}

-- Those that say who holds the tenant: each command takes it and gives it back.
local HOLDS <const> = { "^INSERT INTO O2X%.LOCK ", "^UPDATE O2X%.LOCK ", "^INSERT INTO O2X%.FENCE " }

local function is_one_of(list, text)
  text = text:gsub("^%s+", ""):upper()
  for _, pattern in ipairs(list) do
    if text:find(pattern) then return true end
  end
  return false
end

local function is_harmless(text) return is_one_of(HARMLESS, text) or is_one_of(HOLDS, text) end

local function statement(entry)
  return drawn.without(("postgres %s %s %s"):format(entry.target, entry.text, entry.parameters or ""))
end

-- "DROP DATABASE IF EXISTS "x" WITH (FORCE)", "create database x" → x; of roles as well
local function named_in(text, deed)
  local words = text:gsub('[%s";]+', " "):gsub("^ ", "")
  local rest = words:upper():find(deed .. " ", 1, true) == 1 and words:sub(#deed + 2)
  return rest and rest:gsub("^[Ii][Ff] [Ee][Xx][Ii][Ss][Tt][Ss] ", ""):match "^%S+"
end

-- A role that is made again is to be dropped again, and one that is dropped was not made.
local function forget_role(times, text)
  for deed, other in pairs { ["CREATE ROLE"] = "DROP ROLE", ["DROP ROLE"] = "CREATE ROLE" } do
    local name = named_in(text, deed)
    for _, statement_of in ipairs(name and sorted_keys(times) or {}) do
      local of = statement_of:match "^postgres %S+ (.*)$"
      if of and named_in(of, other) == drawn.without(name) then times[statement_of] = nil end
    end
  end
end

-- A database that is dropped takes with it what was written there, and that it was made.
local function forget(times, text)
  local name = named_in(text, "DROP DATABASE")
  if not name then return end
  local inside = drawn.without(("postgres %s "):format(name))
  for _, other in ipairs(sorted_keys(times)) do
    local made = other:match "^postgres %S+ (.*)$"
    made = made and named_in(made, "CREATE DATABASE")
    if other:sub(1, #inside) == inside or made == drawn.without(name) then times[other] = nil end
  end
end

local function commit(times, list)
  for _, entry in ipairs(list) do
    forget(times, entry.text)
    forget_role(times, entry.text)
    if not is_harmless(entry.text) then add(times, statement(entry)) end
  end
end

-- One statement after the other; open: session → the writes of its transaction.
local function note_statement(times, open, entry)
  local session, word = entry.session or "", entry.method
  local pending = open[session]
  if word == "BEGIN" or word == "START" then
    open[session] = {}
  elseif word == "COMMIT" or word == "END" then
    commit(times, pending and not pending.failed and pending or {})
    open[session] = nil
  elseif word == "ROLLBACK" or word == "ABORT" then
    if not entry.text:upper():find "TO%s" then open[session] = nil end
  elseif pending then
    if entry.status == "ERROR" then pending.failed = true end
    if entry.write then pending[#pending + 1] = entry end
  elseif entry.write and entry.status == "OK" then
    commit(times, { entry })
  end
end

-- ---- all ----

local function refused(entry) return type(entry.status) == "number" and entry.status >= 400 end

local function deletes(entry)
  return entry.service == "k8s" and entry.method == "DELETE" and entry.object and entry.write and not refused(entry)
end

-- The objects that a log deletes.
local function deleted(log)
  local objects = {}
  for _, entry in ipairs(log) do
    if deletes(entry) then objects[entry.object] = true end
  end
  return objects
end

-- A request to an object that is taken back is gone with it; whether this is one.
local function take_back(times, made, entry, kept)
  if not entry.object or kept[entry.object] then return false end
  local names = made[entry.object]
  if not deletes(entry) then
    made[entry.object] = names or entry.method == "POST" and {} or nil
    if made[entry.object] then table.insert(made[entry.object], entry) end
    return false
  end
  if not names then return false end
  for _, one in ipairs(names) do
    times[one.identity] = nil
    times[one.content or ""] = nil
  end
  made[entry.object] = nil
  return true
end

-- helm's requests for objects have its name; those for its own records have not.
local function counts(entry, repaired)
  if not entry.write or refused(entry) then return false end
  return not (repaired and entry.service == "k8s" and tostring(entry.target):find("fieldManager=helm", 1, true))
end

--- How often each write took effect.
---@param log table[] of the lab
---@param kept table<string, boolean>? objects whose deletion counts; nil: of all
---@param repaired boolean? a release was rolled back and upgraded again: what helm wrote again does not count
---@return table<string, integer> times
function M.counted(log, kept, repaired)
  local times, open, made = {}, {}, {}
  for _, entry in ipairs(log) do
    if entry.service == "postgres" then
      note_statement(times, open, entry)
    elseif counts(entry, repaired) and not (kept and take_back(times, made, entry, kept)) then
      if entry.identity then add(times, entry.identity) end
      if entry.content and entry.content ~= entry.identity then add(times, entry.content) end
    end
  end
  return times
end

local function short(text)
  text = tostring(text):gsub("%s+", " ")
  return #text > LONGEST and text:sub(1, LONGEST - 3) .. "..." or text
end

--- The first write that took place more often than in an undisturbed run.
---@param expected table[] log of the undisturbed run
---@param found table[]
---@param repaired boolean? whether a release was rolled back and upgraded again
---@return string? problem
function M.twice(expected, found, repaired)
  local allowed, times = M.counted(expected), M.counted(found, deleted(expected), repaired)
  for _, name in ipairs(sorted_keys(times)) do
    if times[name] > math.max(1, allowed[name] or 0) then
      return ("done %d times: %s"):format(times[name], short(name))
    end
  end
end

--- The first write in a log in which there should be reads only.
---@param log table[]
---@return string? problem
function M.first(log)
  for _, entry in ipairs(log) do
    if entry.write and not is_one_of(HOLDS, entry.text or "") then
      local name = entry.identity or entry.text or ("%s %s"):format(entry.method, entry.target)
      return ("sent a write: %s"):format(short(name))
    end
  end
end

return M
