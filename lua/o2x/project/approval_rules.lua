--- Which runs need the approval of others: `approvals: FILE` in o2x.yaml names a YAML file:
---
---   signers: allowed_signers           # beside this file, in ssh-keygen's form: who may approve, by which keys
---   rules:
---     - tenants: environment=production  # as --tenants; all if absent
---       runbooks: [restore, onboard]     # all if absent
---       except: [rollback, restart]      # for emergencies
---       count: 2
---   people:                            # users of the operating system, where a signer's name does not say so
---     ann@example.com: [ann, aroot]

local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local selection = require "o2x.project.selection"
local suggest = require "o2x.base.suggest"
local yaml = require "o2x.base.yaml"

local M = {}

local LARGEST <const> = 1 << 20 -- bytes of the file
local FIELDS <const> = { "signers", "rules", "people" }
local OF_RULE <const> = { "tenants", "runbooks", "except", "count" }
local MOST <const> = 20 -- approvals of a run

local function place(path, text)
  local number = 0
  for line in (fs.read(path, LARGEST) .. "\n"):gmatch "(.-)\r?\n" do
    number = number + 1
    if line:find(text, 1, true) then return ("%s:%d"):format(path, number) end
  end
  return path
end

local function wrong(path, text, message) errors.input(message, "o2x help approve", place(path, text)) end

local function check_fields(path, given, known)
  for field in pairs(given) do
    local name, fits = tostring(field), false
    for _, one in ipairs(known) do
      fits = fits or one == name
    end
    if not fits then wrong(path, name, ("unknown field %s%s"):format(name, suggest.did_you_mean(name, known))) end
  end
end

-- A text, or a list of texts.
local function list_of(path, field, value)
  if value == nil then return nil end
  local list = type(value) == "table" and value or { value }
  for _, item in ipairs(list) do
    if type(item) ~= "string" then wrong(path, field, field .. ": expected a name, or a list of names") end
  end
  if #list == 0 then wrong(path, field, field .. ": expected a name, or a list of names") end
  return list
end

local function rule_of(path, given, tenants, runbooks)
  if type(given) ~= "table" then wrong(path, "rules", "rules: expected a list of maps") end
  check_fields(path, given, OF_RULE)
  local words, text, message = selection.words(given.tenants, tenants)
  if not words then wrong(path, text, message) end
  local count = math.tointeger(tonumber(given.count or 1))
  if not count or count < 1 or count > MOST then
    wrong(path, "count", ("count: expected a number from 1 to %d"):format(MOST))
  end
  local rule = { tenants = words, count = count }
  for _, field in ipairs { "runbooks", "except" } do
    rule[field] = list_of(path, field, given[field])
    for _, name in ipairs(rule[field] or {}) do
      if not runbooks[name] then wrong(path, name, ("%s: there is no runbook %s"):format(field, name)) end
    end
  end
  return rule
end

local function people_of(path, given)
  local users = {}
  if type(given or {}) ~= "table" then wrong(path, "people", "people: expected a map of names") end
  for principal, names in pairs(given or {}) do
    for _, user in ipairs(list_of(path, tostring(principal), names)) do
      users[user] = tostring(principal)
    end
  end
  return users
end

--- Reads the rules.
---@param path string
---@param tenants string[] the names of all tenants
---@param runbooks string[] the names of all runbooks
---@return table rules path, signers (path), list, people: the signer that a user is
function M.read(path, tenants, runbooks)
  local text = fs.read_if(path, LARGEST)
  if not text then errors.input("the rules of approvals are not there", "approvals: in o2x.yaml names them", path) end
  local document = yaml.read(text, path, { exact = true }) or {}
  if type(document) ~= "table" or #document > 0 then
    errors.input("expected a map: signers, rules, people", nil, path)
  end
  check_fields(path, document, FIELDS)
  if type(document.signers) ~= "string" then
    wrong(path, "signers", "signers: expected the file that says who may approve")
  end
  local signers = document.signers:sub(1, 1) == "/" and document.signers or fs.join(fs.folder(path), document.signers)
  if not fs.exists(signers) then
    errors.input("who may approve is not there", "make it as ssh-keygen's ALLOWED SIGNERS: NAME KEYTYPE KEY", signers)
  end
  local rules = { path = path, signers = signers, list = {}, people = people_of(path, document.people) }
  local names = {}
  for _, name in ipairs(runbooks) do
    names[name] = true
  end
  if type(document.rules or {}) ~= "table" then wrong(path, "rules", "rules: expected a list of maps") end
  for i, given in ipairs(document.rules or {}) do
    rules.list[i] = rule_of(path, given, tenants, names)
  end
  return rules
end

local function is_in(list, name)
  for _, one in ipairs(list or {}) do
    if one == name then return true end
  end
  return false
end

--- How many approvals a run needs: of all rules about it, the most.
---@param rules table
---@param tenant table with its fields
---@param runbook string
---@return integer
function M.needed(rules, tenant, runbook)
  local most = 0
  for _, rule in ipairs(rules.list) do
    local about = selection.has(rule.tenants, tenant)
      and (not rule.runbooks or is_in(rule.runbooks, runbook))
      and not is_in(rule.except, runbook)
    if about then most = math.max(most, rule.count) end
  end
  return most
end

return M
