--- The manual page o2x(1), from the declarations of the commands that `o2x help` uses as well.

local args = require "o2x.cli.args"
local commands = require "o2x.cli.commands"
local config = require "o2x.project.config"
local environment = require "o2x.project.environment"

local M = { path = "docs/o2x.1" }

-- Text for roff: a line that begins with a dot or a quote would be a request; what is not ASCII has a name of its own.
local function escape(text)
  text = text
    :gsub("\\", "\\e")
    :gsub("[\xC2-\xF4][\x80-\xBF]+", function(char) return ("\\[u%04X]"):format(utf8.codepoint(char)) end)
  return (text:gsub("-", "\\-"):gsub("^([.'])", "\\&%1"):gsub("\n([.'])", "\n\\&%1"))
end

local function option_lines(add, options)
  for _, option in ipairs(options) do
    local word = (option.short and "-" .. option.short .. ", " or "") .. "--" .. option[1]
    add(".TP")
    add(".B " .. escape(word .. (option.value and "=" .. option.value or "")))
    add(escape(option.help))
  end
end

-- Prose is filled, an empty line ends a paragraph; indented lines stay as they are.
local function help_lines(add, text)
  local filled = true
  for line in (text .. "\n"):gmatch("(.-)\n") do
    local fill = not line:match("^%s")
    if fill ~= filled then add(fill and ".fi" or ".nf") end
    filled = fill
    add(line == "" and ".PP" or escape(line))
  end
  if not filled then add(".fi") end
end

local function command_lines(add, command)
  add(".SS " .. escape("o2x " .. command.usage))
  add(escape(command.summary:sub(1, 1):upper() .. command.summary:sub(2) .. "."))
  if command.help then
    add(".PP")
    help_lines(add, command.help)
  end
  option_lines(add, command.options or {})
end

local function configuration_lines(add)
  local nothing = setmetatable({}, { __index = function() return {} end }) -- keys and variables only, no values
  for _, entry in ipairs(config.explain(nothing, {})) do
    add(".TP")
    add(('.BR %s " (%s)"'):format(escape(entry.key), escape(entry.variable)))
    add(escape(entry.help))
  end
end

local function environment_lines(add)
  for _, row in ipairs(environment.LIST) do
    local text = row.key and "Gives " .. row.key
      or row.used
      or row.ignored and "Ignored, with a warning: " .. row.ignored
      or row.refused and "Refused: " .. row.refused
      or "Does not matter: " .. row.moot
    add(".TP")
    add(('.BR %s " (%s)"'):format(escape(row[1]), row[2]))
    add(escape(text:sub(1, 1):upper() .. text:sub(2) .. "."))
  end
end

--- The page as roff.
---@return string
function M.text()
  local lines = {}
  local function add(line) lines[#lines + 1] = line end
  add('.\\" Made by make docs from lua/o2x/cli; do not edit.')
  add('.TH O2X 1 "" "o2x" "User Commands"')
  add(".SH NAME\no2x \\- run versioned runbooks for the tenants of a platform")
  add(".SH SYNOPSIS\n.B o2x\n.I COMMAND\n.RI [ ARGUMENT ...]")
  add(".SH DESCRIPTION")
  add("o2x runs runbooks, small Lua scripts, against the systems of a multi\\-tenant platform.")
  add("Every run can be planned before it happens and resumed after an interruption;")
  add("a run for one tenant cannot touch another tenant.")
  add(".SH COMMANDS")
  for _, name in ipairs(commands.names()) do
    command_lines(add, name == "lab" and require "lab.command" or commands.find(name))
  end
  add(".SH OPTIONS OF EVERY COMMAND")
  option_lines(add, args.COMMON)
  add(".SH CONFIGURATION")
  add(
    "A value comes from the first place that has it: \\-\\-set=KEY=VALUE, the variable O2X_KEY, the project's o2x.yaml,"
  )
  add("~/.config/o2x/config.yaml, the variable of the system's own clients, the default.")
  configuration_lines(add)
  add(".SH ENVIRONMENT")
  add(".B O2X_COMMAND\nis what starts o2x where something else does, such as sudo \\-u ops o2x:")
  add("messages then name commands that begin with it.")
  add("What other programs read from the environment, and what o2x does with it.")
  add(".B o2x config explain\nshows what is set.")
  environment_lines(add)
  add(".SH EXIT STATUS")
  for _, code in ipairs(commands.EXIT_CODES) do
    add((".TP\n.B %d\n%s"):format(code[1], escape(code[2])))
  end
  return table.concat(lines, "\n") .. "\n"
end

return M
