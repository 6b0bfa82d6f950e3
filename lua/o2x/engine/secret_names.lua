--- Refuses, before a run does anything, a secret that is also a name which the run cannot do without: its records and
--- messages would name it, or nobody could read them. Says of a secret that is too short to be masked that it is.

local clock = require "o2x.base.clock"
local errors = require "o2x.base.error"
local identity = require "o2x.base.identity"
local secret = require "o2x.base.secret"
local sorted_keys = require "o2x.base.sorted_keys"

local M = {}

-- What o2x writes into every journal by itself. A secret that is one of these words is refused; one that is a part of
-- such a word is only masked elsewhere.
local WORDS = "attempt before begin changed class created deleted desired dropped effect error failed failure fields "
  .. "fleet format hidden inputs interrupted intent kind library masked message overrides params reference refused "
  .. "result resume retry runbook seconds secret secrets status target tenant unchanged unprovable version whole "
  .. "$secret $masked $bytes $float $table $ordered idempotent transactional o2x ******"

local HINT <const> = "change that secret; if it is none, take it out of the secrets"

local function label_of(one) return tostring(one):match "^‹secret (.*)›$" or "" end

local function refuse(label, what, hint)
  errors.raise {
    kind = "refused",
    module = "secrets",
    message = ("the secret %s is also %s, so it could not be kept out of the records"):format(label, what),
    hint = hint or HINT,
  }
end

-- The labels of the secrets in a table.
local function add_labels(labels, node)
  if secret.is(node) then
    labels[label_of(node)] = true
  elseif type(node) == "table" then
    for _, item in next, node do
      add_labels(labels, item)
    end
  end
  return labels
end

-- A secret of this run within a text. What an earlier run of this process, for another tenant, learned from a system
-- does not count.
local function found(given, text)
  local label = secret.found(text)
  return given[label] and label or nil
end

local function check(given, what, name)
  if type(name) ~= "string" then return end
  local label = found(given, name)
  if label then refuse(label, what) end
end

local function check_all(given, what, value)
  if type(value) ~= "table" then return check(given, what, value) end
  for key, item in next, value do
    check_all(given, what, item)
    check(given, what, key)
  end
end

local function check_words(given)
  if not found(given, WORDS) then return end
  for word in WORDS:gmatch "%S+" do
    local label = found(given, word)
    if label and secret.scrub(word) == "******" then refuse(label, "a word of the records") end
  end
end

-- The parts of the tenant that name things; others may well be in its secrets too, such as an e-mail address.
local TENANT = { "name", "id", "environment", "region", "domain", "database", "namespace" }

-- These are public: they are never masked, so a secret that equals one is found by comparing.
local PUBLIC = { "name", "id", "environment" }

local function check_public(run, node)
  if type(node) == "table" then
    for _, item in pairs(node) do
      check_public(run, item)
    end
  elseif secret.is(node) then
    for _, field in ipairs(PUBLIC) do
      local name = run.tenant[field]
      if type(name) == "string" and secret.equal(node, name) then refuse(label_of(node), "the tenant's " .. field) end
    end
  end
end

local function check_given(given, run)
  for _, name in ipairs(sorted_keys(run.given or {})) do
    local label = found(given, tostring(run.given[name]))
    if label then
      refuse(
        label,
        "the parameter " .. name,
        "leave the parameter out: a runbook takes secrets from the tenant's secrets"
      )
    end
  end
end

local function check_sources(given, run)
  for _, path in ipairs(sorted_keys(run.sandbox.texts)) do
    local label = found(given, run.sandbox.texts[path])
    if label then refuse(label, "in the script " .. path, "take it out of the script; or " .. HINT) end
  end
end

--- Refuses a secret that is also a name which the run needs.
---@param run table prepared
---@param secrets table? the tenant's, nested
function M.check(run, secrets)
  check_public(run, secrets)
  check_public(run, run.config)
  local given = add_labels(add_labels({}, secrets), run.config)
  local user, host = identity.here()
  check(given, "the tenant's name", run.tenant_name)
  for _, field in ipairs(TENANT) do
    check(given, "the tenant's " .. field, run.tenant[field])
  end
  check_all(given, "a name that the tenant's runs may touch", run.scope)
  check(given, "the runbook's name", run.runbook.name)
  check(given, "the runbook's path", run.runbook.path)
  check(given, "the project's folder", run.project.root)
  check(given, "the folder of the run store", run.config.state)
  check(given, "the source of the secrets", run.secrets_source)
  check(given, "your user name", user)
  check(given, "this machine's name", host)
  check(given, "today's date", clock.iso())
  check(given, "a part of the run's id", os.date "!R-%Y%m%d-")
  check_words(given)
  check_given(given, run)
  check_sources(given, run)
end

local function add_short(list, node)
  if secret.is(node) then
    if node:length() > 0 and not secret.is_maskable(node) then list[#list + 1] = node end
  elseif type(node) == "table" then
    for _, name in ipairs(sorted_keys(node)) do
      add_short(list, node[name])
    end
  end
  return list
end

--- Warnings about the secrets that are too short to be masked.
---@param secrets table? the tenant's, nested
---@return string[]
function M.warnings(secrets)
  local lines = {}
  for i, short in ipairs(add_short({}, secrets)) do
    lines[i] = ("the secret %s is too short to be masked where it appears"):format(label_of(short))
  end
  return lines
end

return M
