--- The tape of a run: what its scripts asked, and what they were told. Each call of an api by a script is an `answer`
--- in the journal: its step and lane, what was given, and what came back or was raised. Between the calls, a script
--- does the same each time. So the answers are all that o2x replay needs to run the scripts again without any system.
---
--- Only calls of a script itself count: what an api asks the systems for its answer, it asks again in another way with
--- the next version of o2x. What a function for sessions or callbacks does inside of a call belongs to that call.
---
---   answer   path, lane, call, given, and one of
---              gave       the results, in order
---              raised     the fields of the error
---              cancelled  the call was cancelled: nobody was told anything
---              lost       why the answer is not here
---              over       a wait_until or a timeout that ended because its time was over
---   world    what scripts know without asking: the tenant, its secrets as tags, its files
---   source   a script that was edited before the run was resumed

local core = require "o2x.core.snapshot"
local crypto = require "o2x.base.crypto"
local defer = require "o2x.base.defer"
local errors = require "o2x.base.error"
local frozen = require "o2x.base.frozen"
local json = require "o2x.base.json"
local json_core = require "o2x.core.json"
local lanes = require "o2x.script.lanes"
local ordered = require "o2x.base.ordered"
local plain = require "o2x.base.plain"
local secret = require "o2x.base.secret"
local step = require "o2x.script.step"
local task = require "o2x.base.task"
local unknown = require "o2x.base.unknown"

local M = {}

local LONGEST_TEXT <const> = 1024 -- bytes of a text in what was given; a longer one is kept as its hash
local LARGEST <const> = 8 << 20 -- bytes of one answer
local OF_ERROR <const> = { "kind", "module", "op", "message", "hint", "where", "code", "retryable", "final", "details" }
local FUNCTION <const>, HANDLE <const> = "‹function›", "‹handle›"

local Recorder = {}
Recorder.__index = Recorder

--- Runs fn so that what it asks is no part of the tape: it is o2x that asks, or it asks again when it is replayed.
---@param fn function
---@param ... any arguments of fn
---@return any its results
function M.silently(fn, ...) return task.within("answering", true, fn, ...) end

-- ---- values ----

local function without_functions(v)
  if type(v) == "function" then return FUNCTION end
  if frozen.is_handle(v) then return HANDLE end
  if type(v) ~= "table" or v == json.null or unknown.is(v) then return v end
  local copy = json.is_array(v) and json.array {} or {}
  for key, item in next, v do
    copy[key] = without_functions(item)
  end
  return copy
end

local function plain_of(v)
  local ok, kept = pcall(plain.of, v, { ordered = true })
  return ok and kept or plain.of(without_functions(v), { ordered = true })
end

-- Long texts as their hashes.
local function shortened(v)
  if type(v) == "string" and #v > LONGEST_TEXT then return { ["$cut"] = crypto.sha256(v), bytes = #v } end
  if type(v) ~= "table" or v == json.null then return v end
  local copy = json.is_array(v) and json.array {} or {}
  for key, item in next, v do
    copy[key] = shortened(item)
  end
  return copy
end

-- A list that may have holes.
local function list_of(values, first)
  local list = json.array {}
  for i = first, values.n do
    local v = values[i]
    list[#list + 1] = v == nil and { ["$absent"] = true } or plain_of(v)
  end
  return list
end

-- The same as JSON. What JSON can hold as it is, is not copied first. -> text, list if there is one already
local function text_of(values, first)
  local items, whole = json.array {}, true
  for i = first, values.n do
    items[#items + 1] = values[i]
    whole = whole and values[i] ~= nil
  end
  if whole and core.is_plain(items, ordered.all) then
    local text = json_core.encode(items)
    if text then return text end
  end
  local list = list_of(values, first)
  return json.encode(list), list
end

--- What a script gave, as the tape keeps it and a replay compares it.
---@param values table of table.pack
---@param first integer the first argument that counts
---@return string text JSON of a list
function M.given(values, first)
  local text, list = text_of(values, first)
  if #text <= LONGEST_TEXT then return text end
  text = json.encode(shortened(list or list_of(values, first)))
  if #text <= LARGEST then return text end
  return json.encode(json.array { { ["$cut"] = crypto.sha256(text), bytes = #text } })
end

local function raised(err)
  if not errors.is(err) then return { kind = "bug", message = tostring(err) } end
  local fields = {}
  for _, name in ipairs(OF_ERROR) do
    local ok, kept = pcall(plain.of, err[name])
    fields[name] = ok and kept or nil
  end
  return fields
end

local function member(name, v) return (',"%s":%s'):format(name, type(v) == "string" and v or json.encode(v)) end

-- What a call gave, as a member of a record.
local function outcome(results)
  local first = results[2]
  if not results[1] then
    if errors.is(first) and first.kind == "cancelled" then return member("cancelled", "true") end
    return member("raised", raised(first))
  end
  if results.n == 2 and frozen.is_handle(first) then return member("gave", json.array { { ["$handle"] = true } }) end
  local ok, text = pcall(text_of, results, 2)
  if not ok then return member("lost", json.encode(tostring(text))) end
  if #text > LARGEST then return member("lost", json.encode(("the answer has %d bytes"):format(#text))) end
  return member("gave", text)
end

-- ---- the recorder ----

--- A tape that records.
---@param journal table
---@param most integer bytes of all answers
---@return table tape
function M.new(journal, most) return setmetatable({ journal = journal, most = most, bytes = 0 }, Recorder) end

-- Adds an answer to the journal. It is lost if the process is killed before the next record: then the replay ends
-- there, too. `clean`: the border has searched it for secrets already (base/leaks.lua).
local function note(self, call, given, members, clean)
  if self.bytes > self.most then return end
  local lane, path = lanes.here(), step.path()
  local text = ('{"t":"answer"%s%s%s%s%s}'):format(
    member("path", json.encode(path)),
    lane ~= "" and member("lane", json.encode(lane)) or "",
    member("call", json.encode(call)),
    member("given", given),
    members
  )
  self.bytes = self.bytes + #text
  if self.bytes > self.most then
    text = '{"t":"answer","call":"","lost":"the run asked for more than the tape holds"}'
  end
  clean = clean and not secret.found(path) and not (lane ~= "" and secret.found(lane))
  self.journal:append(clean and text or json.decode(text), "later")
end

-- A handle is used by its functions, which a script calls without the api.
local function wrap_handle(self, handle, name)
  local index = debug.getmetatable(handle).__index
  for key, fn in pairs(type(index) == "table" and index or {}) do
    index[key] = self:wrap(fn, ("%s.%s"):format(name, key), 1)
  end
end

local function take(self, name, given, clean, ...)
  local results = table.pack(...)
  note(self, name, given, outcome(results), clean and results[1] and not secret.suspicious(results))
  if not results[1] then error(results[2], 0) end
  if results.n == 2 and frozen.is_handle(results[2]) then wrap_handle(self, results[2], name) end
  return table.unpack(results, 2, results.n)
end

--- Calls a function of an api, and keeps what was given and what came of it.
---@param fn function
---@param name string "vault.ensure"
---@param first integer the first argument that counts; the object of a method does not
---@param ... any arguments of fn
---@return any results of fn
function Recorder:call(fn, name, first, ...)
  local context = task.context()
  if context.answering then return fn(...) end
  local values = table.pack(...)
  local given, clean = M.given(values, first), not secret.suspicious(values)
  local before = rawget(context, "answering")
  local _restore <close> = defer(function() context.answering = before end)
  context.answering = true
  return take(self, name, given, clean, pcall(fn, ...))
end

--- A function of an api that notes each call.
---@param fn function
---@param name string
---@param first integer
---@return function
function Recorder:wrap(fn, name, first)
  return function(...) return self:call(fn, name, first, ...) end
end

--- Notes that the time of a wait_until is over.
---@param what string
---@param is_over boolean
---@return boolean is_over
function Recorder:is_over(what, is_over)
  if is_over and not task.context().answering then
    note(self, "wait_until", M.given({ what, n = 1 }, 1), member("over", "true"))
  end
  return is_over
end

--- Runs fn with a time limit, and notes that it was over.
---@param seconds number
---@param fn function
---@param ... any arguments of fn
---@return any its results
function Recorder:timeout(seconds, fn, ...)
  local results = table.pack(pcall(task.timeout, seconds, fn, ...))
  if results[1] then return table.unpack(results, 2, results.n) end
  local err = results[2]
  local over = ("took longer than %g s"):format(seconds)
  local own = errors.is(err) and err.kind == "timeout" and err.message:sub(1, #over) == over
  if own then
    note(self, "timeout", M.given({ seconds, n = 1 }, 1), member("over", "true") .. member("raised", raised(err)))
  end
  error(err, 0)
end

--- Sleeps.
---@param seconds number
function Recorder:sleep(seconds) task.sleep(seconds) end -- luacheck: no self

-- ---- what scripts know without asking ----

local function file_text(text) return text and #text <= LARGEST and plain.of(text) or nil end

--- Notes what the scripts of a run know without asking.
---@param run table
---@param files table<string, string?> name → text of the tenant's files
function M.note_world(run, files)
  local facts, texts = {}, {}
  for name, item in next, frozen.contents[run.tenant] do
    facts[name] = plain_of(item)
  end
  facts.secrets = nil
  for name, text in pairs(files) do
    texts[name] = file_text(text)
  end
  local hidden = plain_of(frozen.contents[run.tenant].secrets)
  run.journal:append({ t = "world", facts = facts, hidden = hidden, files = texts }, "later")
end

--- Notes the scripts that were edited before the run was resumed.
---@param run table
---@param changed string[] paths as shown
function M.note_sources(run, changed)
  for _, path in ipairs(changed) do
    run.journal:append({ t = "source", path = path, text = run.sandbox.texts[path] }, "later")
  end
end

return M
