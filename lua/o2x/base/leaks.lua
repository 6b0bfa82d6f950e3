--- What must not cross the border between scripts and systems: the text of a secret, and what is shown instead of one.
--- A text on its way out that has either is refused; the text of a secret in what comes back is hidden.
---
--- A text is public if the script may know it anyway (the tenant's names, its parameters): the border's `is_public`
--- says so, and it is let through although it is also the text of a secret.

local errors = require "o2x.base.error"
local ordered = require "o2x.base.ordered"
local secret = require "o2x.base.secret"
local value = require "o2x.base.value"

local M = {}

local LABEL <const> = "‹secret" -- how tostring(secret) begins
local HIDDEN <const> = "‹secret›"
local UNKNOWN <const> = tostring(value.unknown)

---@class o2x.border
---@field what string the name of what is called or written, for messages
---@field secrets boolean|string[]|nil where secrets may be: nowhere, anywhere, or at places that match these patterns
---@field stored boolean|integer|nil does it go to a store of secrets, which may have their text too? Of a function:
---  which argument
---@field is_public (fun(text: string): boolean)? does the script know the text anyway?
---@field plan boolean? is it a plan, where the text of an unknown value is no mistake?
---@field where (fun(): string?)? gives the script's line, for errors

-- ---- finding ----

local function is_walked(v) return type(v) == "table" and not value.is_unknown(v) end

local function add_texts(v, list, known)
  if is_walked(v) then
    for key, item in next, v do
      add_texts(key, list, known)
      add_texts(item, list, known)
    end
    return list
  end
  local text = type(v) == "number" and tostring(v) or v
  if type(text) == "string" and not known[text] then
    known[text] = true
    list[#list + 1] = text
  end
  return list
end

-- All texts of a value in one, so that one search answers for most values. Lists of objects repeat most of theirs.
local function all_texts(v) return table.concat(add_texts(v, {}, {}), "\n") end

-- The parts of a text that have a secret which is not public: first and last byte of each.
local function leaks_of(text, is_public)
  local found, list = secret.ranges(text), {}
  for i = 1, #found, 2 do
    local first, last = found[i], found[i + 1]
    if not is_public or not is_public(text:sub(first, last)) then list[#list + 1] = { first, last } end
  end
  return list
end

-- ---- on the way out ----

local REASONS <const> = {
  label = "has the label of a secret, not its value",
  unknown = "has the text that stands for an unknown value",
  clear = "has the text of a secret",
  sink = "a secret must not go there",
}

local HINT <const> = "secrets go, as they are, to vault.ensure, k8s.ensure_secret, columns of pg's ensure_row, and "
  .. "headers and JSON of requests"

-- The label of the first secret in a text that is not public.
local function label_in(text, is_public)
  local leak = leaks_of(text, is_public)[1]
  return leak and secret.found(text:sub(leak[1], leak[2]))
end

-- A secret in the clear ends the run: a script that could go on would learn that it guessed right.
local function refuse(border, path, reason, label)
  errors.raise {
    kind = "refused",
    message = ("%s%s: %s"):format(border.what, path ~= "" and ", " .. path or "", REASONS[reason]),
    hint = label and label ~= "" and ("it is the secret %s; %s"):format(label, HINT) or HINT,
    where = border.where and border.where() or nil,
    final = reason == "clear" or nil,
  }
end

local function problem_of(text, border)
  if text:find(LABEL, 1, true) then return "label" end
  if not border.plan and text:find(UNKNOWN, 1, true) then return "unknown" end
  if not border.stored and #leaks_of(text, border.is_public) > 0 then return "clear" end
end

local function may_be_at(border, path)
  if type(border.secrets) ~= "table" then return border.secrets end
  for _, pattern in ipairs(border.secrets) do
    if path:find(pattern) then return true end
  end
  return false
end

local function below(path, key)
  key = tostring(key)
  if problem_of(key, {}) then key = "…" end
  return path == "" and key or path .. "." .. key
end

local function search(v, border, path)
  if type(v) == "string" or type(v) == "number" then
    local problem = problem_of(tostring(v), border)
    if problem then refuse(border, path, problem, problem == "clear" and label_in(tostring(v), border.is_public)) end
  elseif is_walked(v) then
    for key, item in next, v do
      local place = below(path, key)
      search(key, border, place)
      search(item, border, place)
    end
  end
end

local function check_sinks(v, border, path)
  if secret.is(v) then
    if not may_be_at(border, path) then refuse(border, path, "sink") end
  elseif is_walked(v) then
    for key, item in next, v do
      check_sinks(item, border, path == "" and tostring(key) or path .. "." .. tostring(key))
    end
  end
end

--- Refuses a value that must not go out.
---@param v any
---@param border o2x.border
function M.check(v, border)
  if border.secrets ~= true and secret.inside(v) then check_sinks(v, border, "") end
  if secret.suspicious(v, LABEL, UNKNOWN) and problem_of(all_texts(v), border) then search(v, border, "") end
end

--- A function that takes no secrets: it is not at the border, but would give away what is in one.
---@param fn function
---@param what string
---@param where (fun(): string?)?
---@return function
function M.without_secrets(fn, what, where)
  return function(...)
    if not secret.inside { ... } then return fn(...) end
    for i, given in pairs { ... } do
      check_sinks(given, { what = ("%s, argument %d"):format(what, i), where = where }, "")
    end
    return fn(...)
  end
end

-- ---- on the way back ----

--- A text in which each secret that is not public is hidden.
---@param text string
---@param is_public (fun(text: string): boolean)?
---@return string
function M.mask(text, is_public)
  local parts, from = {}, 1
  for _, range in ipairs(leaks_of(text, is_public)) do
    parts[#parts + 1] = text:sub(from, range[1] - 1)
    parts[#parts + 1] = HIDDEN
    from = range[2] + 1
  end
  return from == 1 and text or table.concat(parts) .. text:sub(from)
end

-- A text that is a secret becomes one; in a longer text, the secret is masked.
local function hide(v, is_public, label)
  if type(v) == "string" or type(v) == "number" then
    local text = tostring(v)
    local masked = M.mask(text, is_public)
    if masked == text then return v end
    return masked == HIDDEN and secret.new(text, label) or masked
  end
  if not is_walked(v) or next(v) == nil then return v end -- a view and a handle have nothing of their own
  local copy = ordered.copy(v, setmetatable({}, debug.getmetatable(v)))
  for key, item in next, v do
    copy[key] = hide(item, is_public, label)
  end
  return copy
end

--- Hides secrets in a value. The value itself stays as it is: others may have it, too.
---@param v any
---@param is_public (fun(text: string): boolean)?
---@param label string of the secrets that whole texts become
---@return any value or, if it had secrets, a copy
function M.hide(v, is_public, label)
  if not secret.suspicious(v) or #leaks_of(all_texts(v), is_public) == 0 then return v end
  return hide(v, is_public, label)
end

local function hide_error(err, is_public)
  if not errors.is(err) or err.kind == "cancelled" then return err end
  for _, name in ipairs { "message", "hint", "where" } do
    local field = err[name]
    if type(field) == "string" then errors.amend(err, { [name] = M.mask(field, is_public) }) end
  end
  local details = {}
  for i, line in ipairs(err.details or {}) do
    details[i] = M.mask(tostring(line), is_public)
  end
  return errors.amend(err, { details = err.details and details })
end

-- ---- both ----

local function of_argument(border, i)
  return {
    what = ("%s, argument %d"):format(border.what, i),
    secrets = border.secrets,
    stored = border.stored == i,
    is_public = border.is_public,
    plan = border.plan,
    where = border.where,
  }
end

--- A function at the border: its arguments are checked, and secrets in its results and errors are hidden. What the
--- script gave in clear text comes back as it is.
---@param fn function
---@param border o2x.border
---@param first integer|false|nil the first argument to check; default: 1
---@return function
function M.wrap(fn, border, first)
  return function(...)
    local given = table.pack(...)
    for i = first or 1, given.n do
      M.check(given[i], of_argument(border, i - (first or 1) + 1))
    end
    local clear
    local function is_public(text)
      clear = clear or all_texts { table.unpack(given, first or 1, given.n) }
      return clear:find(text, 1, true) ~= nil or border.is_public ~= nil and border.is_public(text)
    end
    local results = table.pack(xpcall(fn, errors.handler, table.unpack(given, 1, given.n)))
    if not results[1] then error(hide_error(results[2], is_public), 0) end
    for i = 2, results.n do
      results[i] = M.hide(results[i], is_public, "result of " .. border.what)
    end
    return table.unpack(results, 2, results.n)
  end
end

return M
