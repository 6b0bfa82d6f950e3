--- Parses the command line against a command's declaration.

local errors = require "o2x.base.error"
local lazy = require "o2x.base.lazy"
local params = lazy "o2x.project.params"
local shell = lazy "o2x.base.shell"
local suggest = lazy "o2x.base.suggest"

local M = {}

-- Options that every command takes.
M.COMMON = {
  { "help", short = "h", help = "show this help" },
  { "quiet", short = "q", help = "print only results and errors" },
  { "verbose", short = "v", help = "also print what did not change, and tracebacks" },
  { "no-color", help = "do not use colours (also: NO_COLOR=1)" },
  { "set", value = "KEY=VALUE", many = true, help = "set a configuration value (keys: o2x config explain)" },
}

--- Options that several commands have.
M.SECRETS = {
  "secrets",
  value = "FILE|-|vault:PATH",
  help = "the tenant's secrets: a file of mode 0600, standard input, or a Vault path",
}
M.TAKE_OVER = {
  "take-over",
  value = "KEY",
  many = true,
  help = "overwrite what belongs to others in this effect's target (its key, as the plan names it)",
}
M.TENANTS = {
  "tenants",
  value = "WHICH",
  help = "for several tenants: all, names (a,b), or fields (env=production,region=us-east-1)",
}
M.AT_ONCE = { "at-once", value = "N", help = "with --tenants: how many tenants at a time (default 1)" }
M.KEEP_GOING = { "keep-going", help = "with --tenants: continue with the other tenants when one fails" }
M.STEP_BY_STEP = { "step-by-step", help = "show what each step would change now, and ask before it" }
M.OVERRIDE_FREEZE = { "override-freeze", help = "change the tenant although the calendar says no; needs --reason" }
M.REASON = { "reason", value = "TEXT", help = "with --override-freeze: why; the journal keeps it" }
M.LOCAL_LOCK = {
  "local-lock",
  help = "if the control database does not answer: change the tenant although runs on other machines might, too",
}
M.STANDARD = { "standard", help = "use the standard runbook even if the tenant has its own version" }

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

-- What is no option may be a parameter of the runbook: those have no dashes.
local function unknown_option(command, argument, value, names)
  local near, hint = suggest.did_you_mean(argument, names), ("o2x help %s lists its options"):format(command.name)
  if command.assigns and near == "" then
    hint = ("%s; a parameter of the runbook has no dashes: %s=%s"):format(
      hint,
      argument:gsub("^%-+", ""),
      value or "…"
    )
  end
  errors.input(("%s: unknown option %s%s"):format(command.name, argument, near), hint)
end

-- A variable of the shell that is not set leaves an empty word, which would mean the root folder or nothing.
local function refuse_empty(command, what, usage)
  errors.input(("%s: %s is empty"):format(command.name, what), usage .. "; is a variable of the shell not set?")
end

-- Stores one option; -> the number of further arguments that it consumed
local function take(command, options, by_name, names, arguments, i)
  local argument, value = arguments[i]:match("^(%-%-?[^=]+)=(.*)$")
  argument = argument or arguments[i]
  local option = by_name[argument]
  if not option then unknown_option(command, argument, value, names) end
  if not option.value then
    if value then errors.input(("%s takes no value"):format(argument)) end
    store(options, option, true)
    return 0
  end
  local consumed = 0
  if not value then
    value, consumed = arguments[i + 1], 1
    if not value then errors.input(("%s needs a value: %s=%s"):format(argument, argument, option.value)) end
  end
  if value == "" then refuse_empty(command, argument, ("%s=%s"):format(argument, option.value)) end
  store(options, option, value)
  return consumed
end

--- Splits the arguments into options and positional arguments.
---@param command table name, options, usage, least, most
---@param arguments string[]
---@return table options name → value, with _ for -
---@return string[] rest
function M.parse(command, arguments)
  local by_name, names = index(command)
  local options, rest, i = {}, {}, 1
  while i <= #arguments do
    local argument = arguments[i]
    if argument == "--" then
      table.move(arguments, i + 1, #arguments, #rest + 1, rest)
      break
    elseif argument:match("^%-.") then
      i = i + take(command, options, by_name, names, arguments, i)
    else
      rest[#rest + 1] = argument
    end
    i = i + 1
  end
  if options.help then return options, rest end
  for number, word in ipairs(rest) do
    if word == "" then refuse_empty(command, ("argument %d"):format(number), "usage: o2x " .. command.usage) end
  end
  if #rest < (command.least or 0) then
    errors.input(("%s needs %s"):format(command.name, command.needs or "more"), "usage: o2x " .. command.usage)
  end
  if command.most and #rest > command.most then
    local message = ("%s: unexpected argument %q"):format(command.name, rest[command.most + 1])
    errors.input(message, "usage: o2x " .. command.usage)
  end
  return options, rest
end

--- Raises bad input if the second word is missing, or is no tenant but a parameter.
---@param command string "run"
---@param arguments string[] runbook, tenant, name=value …
function M.need_tenant(command, arguments)
  local runbook, second = arguments[1], arguments[2]
  if second and not second:find("=", 1, true) then return end
  local lists = "o2x list --tenants lists the tenants"
  local usage = ("usage: o2x %s RUNBOOK TENANT [name=value ...]"):format(command)
  if not runbook then errors.input(command .. " needs a runbook and a tenant", usage) end
  if not second then
    errors.input(("%s needs a runbook and a tenant: which tenant?"):format(command), usage .. "; " .. lists)
  end
  local words = table.move(arguments, 2, #arguments, 3, { runbook, "TENANT" })
  local hint = ("o2x %s %s; %s"):format(command, shell.command(words), lists)
  errors.input(("%q is a parameter; the tenant comes before it"):format(second), hint)
end

--- Parses name=value arguments.
---@param arguments string[]
---@param from integer
---@param declared (fun(): table<string, table>)? the parameters of the runbook, for what is meant by another word
---@return table<string, string>
function M.assignments(arguments, from, declared)
  local values = {}
  for i = from, #arguments do
    local name, value = arguments[i]:match("^([%w_-]+)=(.*)$")
    if not name then
      local meant, hint = params.meant(declared and declared() or {}, arguments[i])
      local message = ("invalid argument %q: parameters have the form name=value%s"):format(arguments[i], meant)
      errors.input(message, hint)
    end
    if values[name] then errors.input(("parameter %s is given twice"):format(name)) end
    values[name] = value
  end
  return values
end

return M
