--- The checklist of a runbook for a tenant, for people who do it by hand: what a plan finds out, each effect and check
--- with a box and the ordinary command that does the same. Secrets and what is not known yet are variables of the
--- shell, each set by a line before it is used.

local contract = require "o2x.engine.contract"
local errors = require "o2x.base.error"
local json = require "o2x.base.json"
local origin = require "o2x.base.origin"
local secret = require "o2x.base.secret"
local shell = require "o2x.base.shell"
local sorted_keys = require "o2x.base.sorted_keys"
local task = require "o2x.base.task"
local unknown = require "o2x.base.unknown"
local value = require "o2x.base.value"

local M = {}

local Guide = {}
Guide.__index = Guide

-- Kinds of the errors after which nobody knows what a system holds.
local UNANSWERED <const> = { unreachable = true, unauthorised = true, timeout = true }

---@class o2x.guide.item
---@field kind "effect"|"check"|"step" step: what a step would do next is not known
---@field path string of the step
---@field state "done"|"todo"|"unknown"|"later" later: a check that can be true only after the effects before it
---@field title string
---@field what string? "create", "change", "delete"
---@field lines string[] commands, and comments that begin with "# "
---@field place string
---@field why string? why the state is unknown

-- All secrets in a table, in a fixed order.
local function add_secrets(list, given)
  if secret.is(given) then
    list[#list + 1] = given
  elseif type(given) == "table" then
    for _, name in ipairs(sorted_keys(given)) do
      add_secrets(list, given[name] or given[math.tointeger(name)])
    end
  end
  return list
end

--- An empty checklist.
---@param source string? where the tenant's secrets are from
---@param secrets table? the tenant's secrets
---@return table guide items, typed (secrets that a person types)
function M.new(source, secrets)
  local self = { source = source, known = add_secrets({}, secrets) }
  self.items, self.typed, self.names, self.taken, self.pending, self.set = {}, {}, {}, {}, {}, {}
  return setmetatable(self, Guide)
end

local function insert(list, item)
  item.place = task.place()
  for _, field in ipairs { "title", "key", "why" } do
    item[field] = item[field] and shell.shown(item[field])
  end
  local at = #list + 1
  while at > 1 and list[at - 1].place > item.place do
    at = at - 1
  end
  table.insert(list, at, item)
end

-- ---- variables ----

local function label_of(given) return tostring(given):match "^‹secret (.*)›$" or "secret" end

local function name_from(text)
  local name = text:upper():gsub("[^%u%d]+", "_"):gsub("^_+", ""):gsub("_+$", "")
  return name:find "^%u" and name or "SECRET_" .. name
end

-- A name that no other variable has.
local function free(self, wanted)
  local name, count = wanted, 1
  while self.taken[name] do
    count = count + 1
    name = ("%s_%d"):format(wanted, count)
  end
  self.taken[name] = true
  return name
end

-- The line that sets a variable, and what it must be set after.
local SETS = {
  vault = function(_, of)
    return shell.command { "vault", "kv", "get", "-mount=" .. of.mount, "-field=" .. of.field, of.path }
  end,
  generated = function(_, of)
    return ("openssl rand -base64 %d | tr -dc 'A-Za-z0-9' | cut -c1-%d"):format(of.length * 3, of.length)
  end,
  bcrypt = function(self, of)
    return ("printf %%s %s | htpasswd -niBC 10 x | cut -d: -f2"):format(shell.quote(self:secret(of.of)))
  end,
}

local function bare(text) return text:match "([^/]+/[^/]+)$" or text end

local function wanted_name(given, of)
  if of and of.how == "bcrypt" then return name_from(bare(label_of(of.of))) .. "_HASH" end
  if of and of.how == "vault" then return name_from(of.path:match "[^/]*$" .. "_" .. of.field) end
  return name_from(bare(label_of(given)))
end

-- What a command reads from its own lines ends on a line that has nothing else.
local function assignment(name, command)
  if command:find("\n", 1, true) then command = command .. "\n" end
  return ("%s=$(%s) && export %s"):format(name, command, name)
end

--- The variable of a secret.
---@param given userdata
---@return string mark
function Guide:secret(given)
  local tag, of = secret.fingerprint(given), origin.of(given)
  if not self.names[tag] then
    local name = free(self, wanted_name(given, of))
    self.names[tag] = name
    if of then
      local command = SETS[of.how](self, of)
      self.set[name] = assignment(name, command)
    else
      table.insert(self.typed, { name = name, label = label_of(given), source = self.source })
    end
  end
  return self:use(self.names[tag])
end

--- Notes that a command uses a variable: what sets it comes before.
---@param name string
---@return string mark of base/shell.lua
function Guide:use(name)
  if self.set[name] then
    table.insert(self.pending, self.set[name])
    self.set[name] = nil
  end
  return shell.variable(name)
end

--- A variable that a command sets.
---@param name string capitals, digits and _
---@param command string prints the value; may have variables, quoted
---@return string mark
function Guide:variable(name, command)
  if not self.taken[name] then
    self.taken[name] = true
    self.set[name] = assignment(name, command)
  end
  return self:use(name)
end

--- What is in something that could not be read: a variable that a person sets, and by which commands to look.
---@param lines string[] the commands
---@return table unknown
function Guide:unread(lines)
  local text = table.concat(lines, "\n")
  local name = self.names[text] or free(self, "KNOWN_LATER")
  if not self.names[text] then
    local shows = lines[1] and (": it is in what this shows: %s"):format(table.concat(lines, "; ")) or ""
    self.names[text] = name
    self.set[name] = ('# %s%s\n: "${%s:?}"'):format(name, shows, name)
  end
  return unknown.named(name)
end

--- A text that stands for a variable which a command of the checklist sets.
---@param name string of the variable
---@param text string
---@return string text
function Guide:stands(name, text)
  shell.stand_in(text, name)
  self.stand_in = text
  return text
end

--- A function of the shell.
---@param name string lower case
---@param command string what it does
---@return string name
function Guide:define(name, command)
  if not self.taken[name] then
    self.taken[name] = true
    table.insert(self.pending, ("%s() {\n  %s\n}"):format(name, command))
  end
  return name
end

-- A text that is a secret of the tenant, such as an account's name that the tenant's file has too: it would be masked
-- where it is printed.
local function text_filled(self, text)
  if not secret.found(text) then return text end
  for _, known in ipairs(self.known) do
    if secret.equal(known, text) then return self:secret(known) end
  end
  return text
end

local function table_filled(self, given)
  local copy, changed, is_list = {}, false, #given > 0
  local function add(name)
    copy[name] = self:filled(given[name])
    changed = changed or not rawequal(copy[name], given[name])
  end
  for _, name in ipairs(is_list and {} or sorted_keys(given)) do
    add(name)
  end
  for i in ipairs(is_list and given or {}) do
    add(i)
  end
  if not changed then return given end
  return json.is_array(given) and json.array(copy) or copy
end

--- A value in which secrets are variables. So is what a plan cannot know yet.
---@param given any
---@return any filled the value itself if there are none
function Guide:filled(given)
  if secret.is(given) then return self:secret(given) end
  if value.is_unknown(given) then return self:use(unknown.name_of(given) or "KNOWN_LATER") end
  if type(given) == "string" then return text_filled(self, given) end
  if type(given) ~= "table" then return given end
  return table_filled(self, given)
end

-- ---- items ----

-- What a function gives, as lines; those that set variables come first.
local function lines_of(self, fn, ...)
  self.pending = {}
  local ok, given = xpcall(fn, errors.handler, ...)
  if not ok then
    local err = errors.wrap(given)
    if err.kind == "cancelled" then error(err, 0) end
    return { "# the command cannot be told: " .. value.text(err) }
  end
  local lines = table.move(self.pending, 1, #self.pending, 1, {})
  for _, line in ipairs(given) do
    if type(line) == "table" then
      lines[#lines + 1] = "# " .. line.comment
      line = line.line
    end
    lines[#lines + 1] = line
  end
  return lines
end

local WHAT <const> = { created = "create", changed = "change", deleted = "delete" }

--- Adds an effect.
---@param ctx table
---@param effect_type o2x.effect_type
---@param found { path: string, key: string, target: any, desired: any, before: any, after: any, outcome: string?,
---  problem: table?, later: boolean? } outcome nil: it is not known what is there; later: made by what comes before
function Guide:effect(ctx, effect_type, found)
  local known = found.outcome ~= nil
  local done = found.outcome == "unchanged"
  local ok, shown = pcall(contract.describe, effect_type, found.target, found.before, found.after)
  local lines, before = {}, found.before
  if not known then before = value.unknown end
  if not done then lines = lines_of(self, effect_type.by_hand, ctx, found.target, found.desired, before) end
  insert(self.items, {
    kind = "effect",
    path = found.path,
    type = effect_type.kind,
    key = value.text(found.key),
    title = ok and shown.title or value.text(found.key),
    state = done and "done" or found.later and "later" or known and "todo" or "unknown",
    what = WHAT[found.outcome] or not known and (found.desired == nil and "delete" or "ensure") or nil,
    lines = lines,
    why = found.problem and value.text(found.problem) or nil,
  })
end

--- Adds a check or a wait, and calls what looks: its reads say by which commands a person sees the same.
---@param path string of the step
---@param title string
---@param fn function
---@param later boolean what it looks for can be there only after the effects before it
---@return boolean ok
---@return any result of fn, or its error
function Guide:look(path, title, fn, later)
  local looks, item = {}, { kind = "check", path = path, title = title }
  insert(self.items, item)
  local ok, result, why
  item.lines = lines_of(self, function()
    ok, result, why = xpcall(task.within, errors.handler, "looks", looks, fn)
    return looks
  end)
  if not ok and errors.wrap(result).kind == "cancelled" then error(result, 0) end
  if #item.lines == 0 then item.lines[1] = "# no command shows this: o2x works it out from what it reads" end
  local holds = ok and result ~= false and (result ~= nil or not later)
  item.state = later and "later" or holds and "done" or "todo"
  local err = not ok and errors.wrap(result)
  if err and (err.code == "when_applied" or UNANSWERED[err.kind]) then item.state = "unknown" end
  if err and UNANSWERED[err.kind] then item.why = value.text(err) end
  return ok, result, why
end

--- Adds a step that ends where a system does not answer: by which command a person sees what was looked at last.
---@param path string of the step; "" outside of all
---@param err table
---@param last { look: (fun(): string[])? } of watched
function Guide:stuck(path, err, last)
  insert(self.items, {
    kind = "step",
    path = path,
    title = "what else is to be done here depends on what is there",
    state = "unknown",
    why = value.text(err),
    lines = last.look and lines_of(self, last.look) or {},
  })
end

--- Calls a function, and keeps the way to look at what it read last.
---@param last table its field look is set
---@param fn function
---@param ... any arguments of fn
---@return any ... what fn returns
function Guide.watched(_, last, fn, ...) return task.within("last_look", last, fn, ...) end

--- Adds a command by which a person sees what the check that runs now looks at.
---@param fn fun(): string[] lines
function M.note_look(fn)
  local looks, last = task.context().looks, task.context().last_look
  if last then last.look = fn end
  if not looks then return end
  local seen = {}
  for _, line in ipairs(looks) do
    seen[line] = true
  end
  for _, line in ipairs(fn()) do
    if not seen[line] then looks[#looks + 1] = line end
  end
end

--- The number of items in a state.
---@param state string
---@return integer
function Guide:count(state)
  local count = 0
  for _, item in ipairs(self.items) do
    if item.state == state then count = count + 1 end
  end
  return count
end

return M
