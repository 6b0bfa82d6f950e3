--- The parameters of a runbook: declared with a type, given as name=value, checked before the run starts.

local clock = require "o2x.base.clock"
local errors = require "o2x.base.error"
local sorted_keys = require "o2x.base.sorted_keys"
local suggest = require "o2x.base.suggest"
local tenants = require "o2x.project.tenants"
local units = require "o2x.base.units"

local M = {}

local TRUTH = { ["true"] = true, yes = true, on = true, ["false"] = false, no = false, off = false }

-- Each type has a parser, which returns nil for an invalid text, and a description for messages.
local TYPES = {
  string = { function(text) return not text:find("[%c]") and utf8.len(text) and text or nil end, "a text in UTF-8" },
  integer = { function(text) return text:match("^-?%d+$") and math.tointeger(tonumber(text)) end, "an integer" },
  boolean = { function(text) return TRUTH[text] end, "true or false" },
  version = { function(text) return #text <= 128 and text:match("^[%w_][%w._-]*$") end, "a version such as v2.5.0" },
  tenant = { function(text) return tenants.is_name(text) and text or nil end, "a tenant's name" },
  time = { function(text) return pcall(clock.parse, text) and text or nil end, "a time such as 2026-02-14T09:30:00Z" },
  duration = { units.parse_duration, "a duration such as 90s, 30m or 2h" },
  choice = {
    function(text, spec)
      for _, choice in ipairs(spec.choices) do
        if text == choice then return text end
      end
    end,
    "one of its choices",
  },
  list = {
    function(text)
      local items = {}
      for item in text:gmatch("[^,]+") do
        items[#items + 1] = item:match("^%s*(.-)%s*$")
      end
      return #items > 0 and not text:find("[%c]") and utf8.len(text) and items or nil
    end,
    "a list such as a,b,c",
  },
}

---@alias o2x.parameter_type "string"|"integer"|"boolean"|"version"|"tenant"|"time"|"duration"|"choice"|"list"

---@class o2x.parameter
---@field [1] o2x.parameter_type a duration is typed as 90s, 30m, 2h or 1d, and arrives in seconds
---@field default any value when the parameter is not given
---@field optional boolean? true: without it the runbook gets nil
---@field help string? one line, shown by `o2x info`
---@field choices string[]? of a choice; of a list: each item is one of them
---@field min number? smallest integer, or shortest duration in seconds
---@field max number? largest integer, or longest duration in seconds
---@field harmless any with this value a severe runbook only reads, and wants no --confirm

local FIELDS =
  { [1] = true, default = true, optional = true, help = true, choices = true, min = true, max = true, harmless = true }

--- The types that a parameter can have.
---@return string[]
function M.types() return sorted_keys(TYPES) end

--- What is wrong with the declaration of a parameter.
---@param name any
---@param spec any
---@return string? problem
---@return string? field
function M.problem(name, spec)
  if type(name) ~= "string" or not name:match("^%l[%w_]*$") then
    return ("params: invalid name %q: use lowercase letters, digits and _"):format(tostring(name))
  end
  if type(spec) ~= "table" then
    return ('params.%s: expected a table such as { "string", help = "…" }'):format(name), name
  end
  for field in pairs(spec) do
    if not FIELDS[field] then
      return ("params.%s: unknown field %q%s"):format(
        name,
        tostring(field),
        suggest.did_you_mean(tostring(field), { "default", "optional", "help", "choices", "min", "max", "harmless" })
      ),
        tostring(field)
    end
  end
  if not TYPES[spec[1]] then
    return ("params.%s: the type must be one of %s"):format(name, table.concat(M.types(), ", ")), name
  end
  if spec[1] == "choice" and (type(spec.choices) ~= "table" or #spec.choices == 0) then
    return ("params.%s: a choice needs choices = { … }"):format(name), name
  end
end

local function out_of_range(spec, value)
  if type(value) ~= "number" then return nil end
  if spec.min and value < spec.min then return ("at least %g"):format(spec.min) end
  if spec.max and value > spec.max then return ("at most %g"):format(spec.max) end
end

-- The words that a parameter may have as its value, if these are few.
local function words_of(spec) return spec.choices or spec[1] == "boolean" and sorted_keys(TRUTH) or {} end

-- The first item of a list that is none of its choices.
local function stranger(spec, items)
  local known = {}
  for _, choice in ipairs(spec.choices) do
    known[choice] = true
  end
  for _, item in ipairs(items) do
    if not known[item] then return item end
  end
end

local function check_items(name, spec, items)
  local item = stranger(spec, items)
  if not item then return items end
  errors.input(
    ("parameter %s: there is no %q%s"):format(name, item, suggest.did_you_mean(item, spec.choices)),
    ("%s: %s"):format(name, table.concat(spec.choices, ", "))
  )
end

local function parse(name, spec, text)
  local parser = TYPES[spec[1]]
  local value = parser[1](text, spec)
  local expected = parser[2]
  if spec[1] == "choice" then expected = "one of " .. table.concat(spec.choices, ", ") end
  if value ~= nil then
    local range = out_of_range(spec, value)
    if not range and spec[1] == "list" and spec.choices then return check_items(name, spec, value) end
    if not range then return value end
    expected = range
  end
  local verb = expected:match("^at ") and "must be" or "is not"
  local near = suggest.did_you_mean(text, words_of(spec))
  errors.input(("parameter %s: %q %s %s%s"):format(name, text, verb, expected, near))
end

-- What is told from other types by its looks.
local NUMERIC <const> = { version = "^v?%d", time = "^%d%d%d%d%-%d%d%-%d%d[T ]", integer = "^-?%d+$", duration = "^%d" }

-- Of the parameters that a word may be meant for, in order: it is one of the choices; the name of a truth value; the
-- value that the runbook cannot do without; of its looks; nearly one of the choices.
local MEANT <const> = {
  function(_, spec, word)
    for _, choice in ipairs(spec.choices or {}) do
      if choice == word then return word end
    end
  end,
  function(name, spec, word) return spec[1] == "boolean" and name == word and "true" or nil end,
  function(_, spec, word)
    local needed = not spec.optional and spec.default == nil
    return needed and TYPES[spec[1]][1](word, spec) ~= nil and word or nil
  end,
  function(_, spec, word)
    local looks = NUMERIC[spec[1]] and word:find(NUMERIC[spec[1]])
    return looks and TYPES[spec[1]][1](word, spec) ~= nil and word or nil
  end,
  function(_, spec, word) return spec.choices and suggest.nearest(word, spec.choices) end,
}

--- What was meant by an argument that assigns nothing.
---@param declared table<string, table> the runbook's params
---@param word string
---@return string meant "; did you mean NAME=VALUE or …?", or ""
---@return string hint its parameters
function M.meant(declared, word)
  local names = sorted_keys(declared)
  local hint = #names > 0 and "its parameters: " .. table.concat(names, ", ") or "it has no parameters"
  for _, meant in ipairs(MEANT) do
    local found = {}
    for _, name in ipairs(names) do
      local value = meant(name, declared[name], word)
      if value then found[#found + 1] = name .. "=" .. value end
    end
    if found[1] then return ("; did you mean %s?"):format(table.concat(found, " or ")), hint end
  end
  return "", hint
end

--- Does a parameter have the value with which, by its declaration, a severe runbook only reads?
---@param declared table<string, table>
---@param values table<string, any>
---@return boolean
function M.harmless(declared, values)
  for name, spec in pairs(declared) do
    if spec.harmless ~= nil and values[name] == spec.harmless then return true end
  end
  return false
end

--- Checks the given parameters against the declared ones.
---@param declared table<string, table> the runbook's params
---@param given table<string, string>
---@param runbook string its name, for messages
---@return table<string, any> values
function M.check(declared, given, runbook)
  local names = sorted_keys(declared)
  for name in pairs(given) do
    if not declared[name] then
      local hint = #names > 0 and "its parameters: " .. table.concat(names, ", ") or "it has no parameters"
      errors.input(("%s has no parameter %q%s"):format(runbook, name, suggest.did_you_mean(name, names)), hint)
    end
  end
  local values = {}
  for _, name in ipairs(names) do
    local spec = declared[name]
    if given[name] ~= nil then
      values[name] = parse(name, spec, given[name])
    elseif spec.default ~= nil then
      values[name] = spec.default
      if type(spec.default) == "string" then values[name] = parse(name, spec, spec.default) end
    elseif not spec.optional then
      errors.input(
        ("%s: missing parameter %s"):format(runbook, name),
        ("add %s=… (%s)"):format(name, spec.help or spec[1])
      )
    end
  end
  return values
end

--- Is a text the value of a parameter? Whoever starts a run says where its files are written, not the script.
---@param values table? of a run's parameters
---@param text any
---@return boolean
function M.is_value(values, text)
  for _, value in pairs(values or {}) do
    if type(text) == "string" and value == text then return true end
  end
  return false
end

return M
