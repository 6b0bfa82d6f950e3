--- The words of a command line, checked against what the command takes.

local errors = require "o2x.base.error"
local suggest = require "o2x.base.suggest"

local M = {}

-- Options that every command takes.
M.COMMON = {
  { "help", short = "h", help = "this text" },
  { "quiet", short = "q", help = "only results and errors" },
  { "verbose", short = "v", help = "also what did not change, and tracebacks" },
  { "no-color", help = "no colours (or set NO_COLOR)" },
  { "set", value = "KEY=VALUE", many = true, help = "a configuration value; see o2x config explain" },
}

local function index(command)
  local by_name, names = {}, {}
  for _, list in ipairs { command.options or {}, M.COMMON } do
    for _, option in ipairs(list) do
      by_name["--" .. option[1]] = option
      if option.short then by_name["-" .. option.short] = option end
      names[#names + 1] = "--" .. option[1]
    end
  end
  return by_name, names
end

local function store(options, option, value)
  local name = option[1]:gsub("-", "_")
  if option.many then
    options[name] = options[name] or {}
    table.insert(options[name], value)
  else
    options[name] = value
  end
end

-- One option; -> how many words it took beside its own
local function take(command, options, by_name, names, words, i)
  local word, value = words[i]:match("^(%-%-?[^=]+)=(.*)$")
  word = word or words[i]
  local option = by_name[word]
  if not option then
    errors.input(
      ("unknown option %s of o2x %s%s"):format(word, command.name, suggest.did_you_mean(word, names)),
      ("o2x help %s lists its options"):format(command.name)
    )
  end
  if not option.value then
    if value then errors.input(("%s takes no value"):format(word)) end
    store(options, option, true)
    return 0
  end
  local taken = 0
  if not value then
    value, taken = words[i + 1], 1
    if not value then errors.input(("%s needs a value: %s=%s"):format(word, word, option.value)) end
  end
  store(options, option, value)
  return taken
end

--- Splits the words into options and the rest.
---@param command table name, options, usage, least, most
---@param words string[]
---@return table options name → value, with _ for -
---@return string[] rest
function M.parse(command, words)
  local by_name, names = index(command)
  local options, rest, i = {}, {}, 1
  while i <= #words do
    local word = words[i]
    if word == "--" then
      table.move(words, i + 1, #words, #rest + 1, rest)
      break
    elseif word:match("^%-.") then
      i = i + take(command, options, by_name, names, words, i)
    else
      rest[#rest + 1] = word
    end
    i = i + 1
  end
  if options.help then return options, rest end
  if #rest < (command.least or 0) then
    errors.input(("o2x %s needs %s"):format(command.name, command.needs or "more"), "usage: o2x " .. command.usage)
  end
  if command.most and #rest > command.most then
    errors.input(("%s: what is %q? o2x %s"):format(command.name, rest[command.most + 1], command.usage))
  end
  return options, rest
end

--- Splits name=value words.
---@param words string[]
---@param from integer
---@return table<string, string>
function M.assignments(words, from)
  local values = {}
  for i = from, #words do
    local name, value = words[i]:match("^([%w_-]+)=(.*)$")
    if not name then errors.input(("%q: a parameter is given as name=value"):format(words[i])) end
    if values[name] then errors.input(("the parameter %s is given twice"):format(name)) end
    values[name] = value
  end
  return values
end

return M
