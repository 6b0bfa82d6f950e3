--- A run over several tenants: one run per tenant, each bound to its own tenant, one after the other or several at
--- once. The fleet's file holds the request; progress is in the journals of its runs, which name the fleet.

local clock = require "o2x.base.clock"
local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local identity = require "o2x.base.identity"
local json = require "o2x.base.json"
local plan_file = require "o2x.engine.plan_file"
local planned = require "o2x.engine.planned"
local shell = require "o2x.base.shell"
local suggest = require "o2x.base.suggest"
local sandbox = require "o2x.script.sandbox"
local task = require "o2x.base.task"
local tenant_files = require "o2x.project.tenant_files"
local tenants = require "o2x.project.tenants"
local unfinished = require "o2x.engine.unfinished"

local M = {}

local ENDED <const> = { done = true, incomplete = true }

local ALIASES = { env = "environment" }

-- ---- which tenants ----

local function check_names(config, words, known)
  local set, seen = {}, {}
  for _, name in ipairs(known) do
    set[name] = true
  end
  for _, word in ipairs(words) do
    tenants.check_name(word)
    if not set[word] then tenant_files.unknown(config, word, "--tenants: ") end
    if seen[word] then errors.input(("--tenants: %s is given twice"):format(word)) end
    seen[word] = true
  end
  return words
end

-- A broken tenant file is an error: the selector may include that tenant, so it must not be skipped.
local function load_all(project, config, known)
  local box, files, loaded = sandbox.new(project), tenant_files.read(config), {}
  for i, name in ipairs(known) do
    task.sleep(0) -- a wait starts the platform's time: all tenants may take longer than one
    loaded[i] = tenants.fields(box, config, name, files)
  end
  return loaded
end

local function values_of(loaded, field)
  local list, seen = {}, {}
  for _, tenant in ipairs(loaded) do
    local value = tenant[field]
    if value ~= nil and type(value) ~= "table" and not seen[tostring(value)] then
      seen[tostring(value)] = true
      list[#list + 1] = tostring(value)
    end
  end
  table.sort(list)
  return list
end

local function matching(loaded, conditions)
  local names = {}
  for _, tenant in ipairs(loaded) do
    local fits = true
    for _, condition in ipairs(conditions) do
      fits = fits and tenant[condition.field] ~= nil and tostring(tenant[condition.field]) == condition.value
    end
    if fits then names[#names + 1] = tenant.name end
  end
  return names
end

local function filter(project, config, words, known)
  local loaded, conditions = load_all(project, config, known), {}
  for i, word in ipairs(words) do
    local name, value = word:match("^([%w_]+)=(.+)$")
    if not name then errors.input(("--tenants: %q: expected names or FIELD=VALUE, not both"):format(word)) end
    local field = ALIASES[name] or name
    local there = values_of(loaded, field)
    if #there == 0 then errors.input(("--tenants: no tenant has a field %s"):format(name), "such as env, region") end
    if #matching(loaded, { { field = field, value = value } }) == 0 then
      errors.input(
        ("--tenants: no tenant has %s"):format(word),
        ("%s is one of %s"):format(name, table.concat(there, ", "))
      )
    end
    conditions[i] = { field = field, value = value }
  end
  local names = matching(loaded, conditions)
  if #names == 0 then errors.input("--tenants: no tenant has all of " .. table.concat(words, ", ")) end
  return names
end

-- Nothing to do for nobody would look like success. An audit would even take each tenant in the systems for one that
-- was left over.
local function no_files(config)
  errors.input(
    "no tenant has a file",
    "platform: in o2x.yaml, or O2X_PLATFORM, names the tree that has the tenants; o2x config explain shows it",
    tenants.folder(config)
  )
end

--- The tenants of a selector: "all", names, or fields ("env=production,region=us-east-1").
---@param project table
---@param config table
---@param selector string
---@return string[] names
function M.select(project, config, selector)
  local known, words = tenants.names(config), {}
  for word in selector:gmatch("[^,]+") do
    words[#words + 1] = word
  end
  if #words == 0 then errors.input("--tenants: expected all, names, or FIELD=VALUE") end
  if selector == "all" and #known == 0 then no_files(config) end
  if selector == "all" then return known end
  if not selector:find("=", 1, true) then return check_names(config, words, known) end
  return filter(project, config, words, known)
end

-- ---- the fleet's file ----

local function folder_of(store) return fs.join(store.folder, "fleets") end
local function path_of(store, id) return fs.join(folder_of(store), id .. ".json") end

-- What follows from the journals and from other fleets.
local DERIVED <const> = { runs = true, begun = true, unfinished = true, overtaken = true, undone = true }

local function save(store, fleet)
  local kept = {}
  for name, value in pairs(fleet) do
    if not DERIVED[name] then kept[name] = value end
  end
  local text = json.pretty(kept)
  fs.write(path_of(store, fleet.id), text, { mode = tonumber("600", 8) })
end

-- The plan that a fleet does, if there is one.
local function plan_path(store, fleet) return fs.join(folder_of(store), fleet.id .. ".plan") end

--- What a tenant of a fleet may do, by the fleet's plan.
---@param store table
---@param fleet table
---@param tenant string
---@return table? planned nil if the fleet has no plan
---@return table? header of the tenant's run, as it was planned
function M.planned(store, fleet, tenant)
  if not fleet.plan then return nil end
  local path = plan_path(store, fleet)
  local file = plan_file.read(path)
  if file.hash ~= fleet.plan then errors.input("the fleet's plan was changed", "plan again: o2x plan", path) end
  local part = plan_file.part_of(file, tenant)
  return planned.new(part), part.header
end

--- Creates the file of a run over several tenants.
---@param store table
---@param fleet table runbook, selector, tenants, params, options
---@param plan string? the text of the plan that it does
---@return table fleet with its id
function M.create(store, fleet, plan)
  fs.mkdir(folder_of(store), tonumber("700", 8))
  local id, _reserved <close> = store:new_id()
  fleet.id = id:gsub("^R", "F")
  local user, host = identity.here()
  fleet.at, fleet.user, fleet.host = clock.iso(nil, 3), user, host
  if plan then fs.write(plan_path(store, fleet), plan, { mode = tonumber("600", 8) }) end
  save(store, fleet)
  return fleet
end

--- Removes the request of a fleet, and its plan.
---@param store table
---@param id string
function M.forget(store, id)
  for _, path in ipairs { path_of(store, id), plan_path(store, { id = id }) } do
    if fs.exists(path) then fs.remove(path) end
  end
end

--- Is a word the name of a run over several tenants?
---@param word string
---@return boolean
function M.is_id(word) return word:find "^F%-" ~= nil end

-- The ids of all fleets, oldest first.
local function ids(store)
  local list = {}
  for _, file in ipairs(fs.is_folder(folder_of(store)) and fs.list(folder_of(store)) or {}) do
    list[#list + 1] = file:match "^(F%-.*)%.json$"
  end
  table.sort(list)
  return list
end

-- What each request must have, by the types of its fields.
local FIELDS <const> = { id = "string", runbook = "string", tenants = "table" }

local function load(store, id)
  local path = path_of(store, id)
  local ok, fleet = xpcall(function() return json.read(fs.read(path), path) end, errors.handler)
  local why = not ok and fleet.message or type(fleet) ~= "table" and "it is no object"
  for field, kind in pairs(why and {} or FIELDS) do
    if type(fleet[field]) ~= kind then why = ("its %s is no %s"):format(field, kind) end
  end
  if not why then return fleet end
  errors.raise {
    kind = "failed",
    module = "store",
    code = "damaged",
    where = path,
    message = ("the request of %s is damaged: %s"):format(id, why),
    hint = ("restore it from a copy, or remove it: rm -r %s; its runs stay"):format(shell.quote(path)),
  }
end

-- One that cannot be read must not hide the others.
local function load_or_note(store, id)
  local ok, fleet = xpcall(load, errors.handler, store, id)
  if ok then return fleet end
  return { id = id, tenants = {}, runs = {}, status = "damaged", error = fleet, damaged = fleet }
end

--- A fleet by its id or a unique end of it.
---@param store table
---@param word string "F-…"
---@return table fleet
function M.read(store, word)
  local known, matches = ids(store), {}
  for _, id in ipairs(known) do
    if id == word then return load(store, id) end
    if #word >= 6 and id:sub(-#word + 2) == word:sub(3) then matches[#matches + 1] = id end
  end
  if #matches == 1 then return load(store, matches[1]) end
  if #matches > 1 then errors.input(("%s could be %s"):format(word, table.concat(matches, " or "))) end
  errors.input(
    ("unknown run %s%s"):format(word, suggest.did_you_mean(word, known)),
    "o2x runs lists the runs and the fleets that they belong to"
  )
end

--- The runs of a fleet.
---@param store table
---@param word string "F-…"
---@return string[] ids oldest first
function M.run_ids(store, word)
  local found, fleet = {}, M.read(store, word)
  for _, run in ipairs(store:list()) do
    if run.fleet == fleet.id then found[#found + 1] = run.id end
  end
  return found
end

-- Are all tenants of a fleet in another one, too?
local function covers(newer, older)
  if newer.damaged then return false end
  local has = {}
  for _, tenant in ipairs(newer.tenants) do
    has[tenant] = true
  end
  for _, tenant in ipairs(older.tenants) do
    if not has[tenant] then return false end
  end
  return newer.runbook == older.runbook and newer.undoes == older.undoes
end

-- The status of a fleet now. One that was ended from outside has none in its file.
local function status_of(fleet)
  for _, one in pairs(fleet.runs) do
    if one.status == "running" then return "running" end
  end
  return fleet.status or "crashed"
end

-- The newest later fleet that does all that this one was to do.
local function overtaking(all, at)
  for i = #all, at + 1, -1 do
    if covers(all[i], all[at]) then return all[i].id end
  end
end

-- Has any run of a fleet written something?
local function has_begun(fleet)
  for _, one in pairs(fleet.runs) do
    if one.begun then return true end
  end
  return false
end

-- Is there a tenant whose run has neither ended nor been settled since?
local function has_open(fleet)
  for _, tenant in ipairs(fleet.tenants) do
    local one = fleet.runs[tenant]
    local settled = one and (ENDED[one.status] or one.undone or one.overtaken or one.dismissed)
    if not settled then return true end
  end
  return false
end

--- All fleets, oldest first, with their `runs` (the newest summary by tenant), their `status` now, and whether there is
--- something to go on with (`unfinished`): as of one run, only if it has written something (`begun`).
---@param store table
---@param list table[]? of Store:list, where it is known already
---@return table[] fleets
function M.list(store, list)
  local all, by_fleet = {}, {}
  for i, id in ipairs(ids(store)) do
    all[i] = load_or_note(store, id)
  end
  if #all == 0 then return all end
  for _, one in ipairs(list or store:list()) do
    local name = one.fleet
    if name then
      by_fleet[name] = by_fleet[name] or {}
      by_fleet[name][one.tenant] = one
    end
  end
  local undone_by = {}
  for i = #all, 1, -1 do -- an undo of an undo is newer, so it is known first whether an undo counts
    local fleet = all[i]
    fleet.runs = by_fleet[fleet.id] or {}
    fleet.status, fleet.undone = status_of(fleet), undone_by[fleet.id]
    if fleet.undoes and not fleet.undone and fleet.status ~= "refused" then undone_by[fleet.undoes] = fleet.id end
    local stopped = unfinished.stopped(fleet.status)
    fleet.overtaken = stopped and overtaking(all, i) or nil
    local settled = fleet.overtaken or fleet.undone or fleet.dismissed
    local open = stopped and not settled and has_open(fleet)
    fleet.begun = has_begun(fleet)
    fleet.unfinished = open and fleet.begun
  end
  return all
end

--- The fleets that have something to go on with.
---@param store table
---@param list table[]? of Store:list, where it is known already
---@return table[]
function M.unfinished(store, list)
  local found = {}
  for _, fleet in ipairs(M.list(store, list)) do
    if fleet.unfinished then found[#found + 1] = fleet end
  end
  return found
end

--- Notes that the operator leaves a fleet as it is, with those of its runs that stopped.
---@param store table
---@param fleet table
---@param reason string one line
---@return string[] ids of the runs
function M.dismiss(store, fleet, reason)
  local runs, open = M.runs(store, fleet), {}
  if fleet.dismissed then
    errors.input(("%s was dismissed already: %s"):format(fleet.id, fleet.dismissed.reason), "o2x runs " .. fleet.id)
  end
  for _, one in pairs(runs) do
    if one.status == "running" then unfinished.check_dismiss(one) end
    if unfinished.stopped(one.status) and not one.dismissed and not one.undone then open[#open + 1] = one.id end
  end
  if ENDED[fleet.status] then unfinished.check_dismiss { id = fleet.id, status = fleet.status } end
  table.sort(open)
  for _, id in ipairs(open) do
    store:dismiss(id, reason)
  end
  local user, host = identity.here()
  fleet.dismissed = { reason = reason, user = user, host = host, at = clock.iso(nil, 3) }
  save(store, fleet)
  return open
end

--- The undo of a fleet that has begun, if there is one. One that was refused or itself undone does not count.
---@param store table
---@param id string of the fleet
---@return table? fleet
function M.undo_of(store, id)
  for _, name in ipairs(ids(store)) do
    local fleet = name > id and load_or_note(store, name)
    local counts = fleet and fleet.undoes == id and fleet.status ~= "refused"
    if counts and not M.undo_of(store, fleet.id) then return fleet end
  end
end

--- The newest run of each tenant in a fleet.
---@param store table
---@param fleet table
---@return table<string, table> summaries by tenant
function M.runs(store, fleet)
  local by_tenant = {}
  for _, h in ipairs(store:list()) do
    if h.fleet == fleet.id then by_tenant[h.tenant] = h end
  end
  return by_tenant
end

-- ---- running ----

-- Was nothing of it begun, because a tenant was refused? Those behind it were not tried.
local function is_refused(list)
  local refused = false
  for _, outcome in ipairs(list) do
    if outcome.status ~= "refused" and outcome.status ~= "not begun" then return false end
    refused = refused or outcome.status == "refused"
  end
  return refused
end

--- Runs the tenants that are not done yet; stops at the first failure unless keep_going is set.
---@param store table
---@param fleet table
---@param go fun(tenant: string, past: table?): table outcome { status, run, error, seconds, counts }
---@return table[] outcomes in the order of the tenants
---@return string status done, incomplete (an undo), failed, refused (nothing began) or interrupted
function M.perform(store, fleet, go)
  local past, outcomes, stopped = M.runs(store, fleet), {}, nil
  local again = fleet.dismissed ~= nil -- who goes on with it all the same goes on with all of it
  fleet.dismissed = nil
  local ok, err = pcall(task.each, fleet.tenants, function(tenant)
    local before = past[tenant]
    local outcome
    if before and ENDED[before.status] then
      outcome = { status = before.status, run = before.id, earlier = true }
    elseif before and before.dismissed and not again then
      outcome = { status = "dismissed", run = before.id, earlier = true }
    elseif stopped then
      outcome = { status = "not begun" }
    else
      outcome = go(tenant, before)
    end
    outcome.tenant = tenant
    outcomes[tenant] = outcome
    if outcome.status == "interrupted" then
      stopped = "interrupted"
    elseif outcome.error and not fleet.keep_going then
      stopped = stopped or "failed"
    end
  end, { limit = fleet.at_once })
  if not ok and not (errors.is(err) and err.kind == "cancelled") then error(err, 0) end
  if not ok then stopped = "interrupted" end -- its tenants have ended; what became of each is said all the same
  local list, status = {}, stopped or "done"
  for i, tenant in ipairs(fleet.tenants) do
    list[i] = outcomes[tenant] or { status = "not begun", tenant = tenant }
    if ENDED[status] and list[i].error then status = "failed" end
    if status == "done" and list[i].status == "incomplete" then status = "incomplete" end
  end
  if status == "failed" and is_refused(list) then status = "refused" end
  fleet.status = status
  save(store, fleet)
  return list, status
end

return M
