--- o2x help [COMMAND]

local args = require "o2x.args"
local errors = require "o2x.error"
local nearest = require "o2x.nearest"
local out = require "o2x.out"

local GROUPS = {
  { "Run", "run", "plan", "resume" },
  { "Look", "runs", "show", "list", "info" },
  { "Write", "check", "lock", "new", "defs" },
  { "Around", "lab", "config", "version", "help" },
}

local M = { name = "help", usage = "help [COMMAND]", most = 1, summary = "this text, or that of a command" }

local function usage_of(command) return (command.usage:gsub("^o2x ", "")) end

local function option_rows(options)
  local rows = {}
  for _, option in ipairs(options) do
    local word = (option.short and "-" .. option.short .. ", " or "    ") .. "--" .. option[1]
    rows[#rows + 1] = { "  " .. word .. (option.value and "=" .. option.value or ""), option.help }
  end
  return rows
end

--- The help of a command.
---@param command table
function M.of(command)
  out.data("o2x " .. usage_of(command))
  out.data(("  %s"):format(command.summary))
  if command.help then out.data("\n" .. command.help) end
  for _, group in ipairs { { "Options", command.options or {} }, { "Options of every command", args.COMMON } } do
    if #group[2] > 0 then
      out.data("\n" .. group[1])
      out.columns(option_rows(group[2]), out.data)
    end
  end
end

local function overview()
  out.data("o2x runs versioned runbooks for the tenants of a platform.")
  out.data("")
  for _, group in ipairs(GROUPS) do
    local rows = {}
    for i = 2, #group do
      local command = require("o2x.cli." .. group[i])
      rows[#rows + 1] = { "  o2x " .. usage_of(command), command.summary }
    end
    out.columns(rows, out.data)
  end
  out.data("")
  out.data("o2x help COMMAND tells more. Exit codes: 0 done, 1 failed, 2 changes (--detailed-exitcode), 3 bad input,")
  out.data("4 a system cannot be reached or does not let us in, 5 locked, 130 interrupted.")
end

--- Shows the overview, or the help of one command.
---@param words string[]
function M.run(_, words)
  if not words[1] then return overview() end
  for _, group in ipairs(GROUPS) do
    for i = 2, #group do
      if group[i] == words[1] then return M.of(require("o2x.cli." .. words[1])) end
    end
  end
  local names = {}
  for _, group in ipairs(GROUPS) do table.move(group, 2, #group, #names + 1, names) end
  errors.input(("unknown command '%s'%s"):format(out.printable(words[1]), nearest.suggest(words[1], names)),
    "o2x help lists the commands")
end

return M
