--- A plan in a file: what o2x plan --out writes and o2x apply reads. It has the form of a journal, so a file that was
--- cut off or changed is noticed before it is used, and no secret is in it.
---
---   begin     when it was made, by whom, until when it counts, for which tenants
---   tenant    the header of one tenant's run (header.lua); what follows belongs to it
---   value     a time or another value that the run must see again
---   effect    one effect: its place, the value before, the desired one, the one after
---   check     what is checked once the changes are made
---   end       how many of each

local clock = require "o2x.base.clock"
local crypto = require "o2x.base.crypto"
local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local header = require "o2x.engine.header"
local identity = require "o2x.base.identity"
local journal = require "o2x.engine.journal"
local program = require "o2x.core.program"
local mask = require "o2x.base.mask"
local runbook_files = require "o2x.project.runbook_files"
local secret = require "o2x.base.secret"
local shell = require "o2x.base.shell"
local sorted_keys = require "o2x.base.sorted_keys"
local units = require "o2x.base.units"

local M = {}

local KEYED <const> = "o2x: is it the same key of tags?"

-- Tags of secrets can be compared only where they are made with the same key.
local function key_tag() return secret.fingerprint(KEYED):sub(1, 16) end

-- ---- writing ----

local function write_part(file, part)
  local record = header.of(part.run)
  record.t = "tenant"
  record.own = runbook_files.own(part.run.project, part.run.runbook.path, part.run.tenant_name)
  file:append(record, true)
  for _, key in ipairs(sorted_keys(part.plan.values)) do
    file:append({ t = "value", key = key, value = part.plan.values[key] }, true)
  end
  for _, effect in ipairs(part.plan.effects) do
    file:append({
      t = "effect",
      path = effect.path,
      kind = effect.kind,
      key = effect.key,
      nth = effect.nth,
      outcome = effect.outcome,
      class = effect.class,
      before = effect.before,
      desired = effect.desired,
      after = effect.after,
      show = effect.show,
      irreversible = effect.irreversible,
      taken = effect.taken,
    }, true)
  end
  for _, check in ipairs(part.plan.checks) do
    file:append({ t = "check", path = check.path, name = check.name }, true)
  end
  return #part.plan.effects
end

-- Devices and pipes may have no end.
local function is_regular(path)
  local there = fs.stat(path)
  return there ~= nil and there.type == "file"
end

-- Does the file begin as a plan does? The rest of it may be damaged.
local function begins(path)
  if not is_regular(path) then return false end
  local ok, record = pcall(journal.first, fs.realpath(path))
  return ok and type(record.plan) == "table"
end

-- A file that is no plan is not replaced: the operator typed a wrong name.
local function refuse_other_files(path)
  local folder = fs.folder(path)
  if path == "" or path:sub(-1) == "/" then
    errors.input("--out needs the name of a file, such as --out=onboard.plan")
  end
  if not fs.is_folder(folder) then
    errors.input("there is no such folder", "make it: mkdir -p " .. shell.command { folder }, folder)
  end
  if not fs.exists(path) or begins(path) then return end
  errors.input("the file is there, and is no plan", "choose another name for --out", path)
end

-- An error about the file that was asked for, not about the one that it is made in.
local function about(err, making, path)
  local function renamed(text)
    local from, to = text:find(making, 1, true)
    return from and text:sub(1, from - 1) .. path .. text:sub(to + 1) or text
  end
  return errors.amend(err, { message = renamed(err.message), where = err.where and renamed(err.where) or nil })
end

---@class o2x.plan_file.options
---@field seconds integer how long it counts
---@field selector string? of a fleet
---@field at_once integer?
---@field keep_going boolean?
---@field approvals table? hashes of the rules of approval that it was made under

--- Writes a plan.
---@param path string
---@param parts { run: table, plan: table }[] one for each tenant
---@param options o2x.plan_file.options
function M.write(path, parts, options)
  refuse_other_files(path)
  local user, host = identity.here()
  local now, tenants = clock.now(), {}
  for i, part in ipairs(parts) do
    tenants[i] = part.run.tenant_name
  end
  local making = ("%s.%d"):format(path, program.pid())
  local ok, problem = xpcall(function()
    local file = journal.create(making, {
      plan = {
        tenants = tenants,
        selector = options.selector,
        at_once = options.at_once,
        keep_going = options.keep_going,
        valid_until = clock.iso(now + options.seconds),
        tags = key_tag(),
        approvals = options.approvals,
      },
      o2x = program.version,
      at = clock.iso(now),
      user = user,
      host = host,
    }, "plan again")
    local count = 0
    for _, part in ipairs(parts) do
      count = count + write_part(file, part)
    end
    file:append { t = "end", effects = count, tenants = #parts }
    file:close()
    fs.rename(making, path)
  end, errors.handler)
  if ok then return end
  fs.remove(making)
  error(about(errors.wrap(problem), making, path), 0)
end

-- ---- reading ----

--- The command that makes a plan again, as a shell takes it.
---@param path string
---@param file table? of M.read
---@return string
function M.command(path, file)
  if not file then return "o2x plan RUNBOOK TENANT " .. shell.command { "--out=" .. path } end
  local h, fleet = file.parts[1].header, file.header.plan
  local script = fs.join(h.root, h.runbook.path)
  local is_named = h.runbook.path:find("^runbooks/") or script == h.own
  local words = { is_named and h.runbook.name or h.runbook.path }
  if not fleet.selector then words[2] = h.tenant end
  for _, name in ipairs(sorted_keys(h.params)) do
    words[#words + 1] = ("%s=%s"):format(name, mask.shown(h.params[name]))
  end
  if h.secrets then words[#words + 1] = "--secrets=" .. h.secrets end
  if h.own and not h.runbook.path:find "/tenants/" then words[#words + 1] = "--standard" end
  for _, key in ipairs(h.take_over or {}) do
    words[#words + 1] = "--take-over=" .. mask.shown(key)
  end
  if fleet.selector then words[#words + 1] = "--tenants=" .. fleet.selector end
  if fleet.at_once then words[#words + 1] = "--at-once=" .. fleet.at_once end
  if fleet.keep_going then words[#words + 1] = "--keep-going" end
  words[#words + 1] = "--out=" .. path
  return "o2x plan " .. shell.command(words)
end

--- The tenant's own version of a planned runbook, where it came or went since.
---@param project table
---@param h table header of a part
---@return string? path
function M.other_own(project, h)
  local own = runbook_files.own(project, h.runbook.path, h.tenant)
  if own ~= h.own then return own or h.own end
end

-- What is no plan at all is not to be replaced by one.
local function unusable(path, why, file)
  local hint = "o2x plan RUNBOOK TENANT --out=FILE writes one"
  if begins(path) then hint = "make it again: " .. M.command(path, file) end
  errors.raise { kind = "input", where = path, message = why, hint = hint }
end

-- What each record must have, by the types of its fields: a file whose chain is right may still be no plan.
local FIELDS <const> = {
  begin = { plan = "table", at = "string" },
  tenant = {
    runbook = "table",
    library = "table",
    inputs = "table",
    params = "table",
    tenant = "string",
    root = "string",
    seed = "number",
  },
  value = { key = "string" },
  effect = { path = "name", kind = "string", key = "name", nth = "number", outcome = "string" },
  check = {},
  ["end"] = { effects = "number", tenants = "number" },
}
local OF_RUNBOOK <const> = { name = "string", version = "string", path = "string" }
local OF_PLAN <const> = { tenants = "table", valid_until = "string", tags = "string" }

local function has_fields(record, fields)
  for name, kind in pairs(fields) do
    local item = record[name]
    if kind == "name" then item = mask.shown(item) end -- a name that a secret is a part of is masked
    if type(item) ~= (kind == "name" and "string" or kind) then return false end
  end
  return true
end

-- Is it a record of a plan, and is it in its place?
local function belongs(record, file, part)
  local fields = FIELDS[record.t]
  if not fields or not has_fields(record, fields) or (record.t == "begin") ~= not file.header then return false end
  if record.t == "begin" then return has_fields(record.plan, OF_PLAN) end
  if record.t == "tenant" then return has_fields(record.runbook, OF_RUNBOOK) end
  return not file.ending and (record.t == "end" or part ~= nil)
end

local function collect(path)
  local file, part = { parts = {} }, nil
  local take = {
    begin = function(record) file.header = record end,
    tenant = function(record)
      part = { header = record, values = {}, effects = {}, checks = {} }
      table.insert(file.parts, part)
    end,
    value = function(record) part.values[record.key] = record.value end,
    effect = function(record) table.insert(part.effects, record) end,
    check = function(record) table.insert(part.checks, record) end,
    ["end"] = function(record) file.ending = record end,
  }
  local state = journal.each(fs.realpath(path), function(record)
    if not belongs(record, file, part) then unusable(path, "this is no plan") end
    take[record.t](record)
  end)
  state.reader:close()
  if file.ending and state.size ~= fs.stat(path).size then
    unusable(path, "the plan was changed: something stands behind its end")
  end
  return file
end

local function check_whole(path, file)
  local count = 0
  for _, part in ipairs(file.parts) do
    count = count + #part.effects
  end
  local ending = file.ending
  if not ending then unusable(path, "the plan is cut off: its end is missing") end
  local tenants = #file.parts
  local fits = ending.effects == count and ending.tenants == tenants and #file.header.plan.tenants == tenants
  if not fits or tenants == 0 then unusable(path, "the plan is not whole") end
end

--- Reads a plan. A file that is no plan, that was changed, or that is not whole is bad input.
---@param path string
---@return table file header, parts (header, values, effects, checks), hash
function M.read(path)
  if not fs.exists(path) then errors.input("no such file", "o2x plan RUNBOOK TENANT --out=FILE writes one", path) end
  if not is_regular(path) then unusable(path, "this is no plan, and no file") end
  local ok, file = xpcall(collect, errors.handler, path)
  if not ok then
    if file.kind == "failed" and not journal.of_system(file) then
      unusable(path, begins(path) and "the plan was changed: " .. file.message or "this is no plan")
    end
    error(file, 0)
  end
  check_whole(path, file)
  local text = fs.read(path)
  file.hash = crypto.sha256(text)
  for _, part in ipairs(file.parts) do
    part.hash, part.text = file.hash, text
  end
  return file
end

--- The name under which a run keeps its plan, among its sources.
M.KEPT = "o2x.plan"

--- The part of a plan that is a tenant's.
---@param file table
---@param tenant string
---@return table part
function M.part_of(file, tenant)
  for _, part in ipairs(file.parts) do
    if part.header.tenant == tenant then return part end
  end
  errors.input(("the plan has no tenant %s"):format(tenant))
end

--- The users who made a plan: who the operating system says, and who became that user by sudo or after a login.
---@param file table
---@param applying boolean? also who runs this program now
---@return string[]
function M.makers(file, applying)
  local list = identity.users(file.header.user, file.parts[1].header.who)
  if not applying then return list end
  local here = identity.users((identity.here()), identity.details())
  return table.move(here, 1, #here, #list + 1, list)
end

--- Refuses a plan that is too old, or was made with another key of tags. The run store must be open.
---@param path string for the message
---@param file table
function M.check_usable(path, file)
  local plan = file.header.plan
  local late = clock.now() - clock.parse(plan.valid_until)
  if late > 0 then
    unusable(
      path,
      ("the plan counted until %s, %s ago"):format(plan.valid_until, units.duration(math.floor(late))),
      file
    )
  end
  if plan.tags ~= key_tag() then
    unusable(path, "the plan was made with another run store: what it knows of secrets cannot be compared here", file)
  end
end

return M
