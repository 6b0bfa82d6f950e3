--- Prints the help of a command from its declaration.

local args = require "o2x.cli.args"
local out = require "o2x.report.out"

local M = {}

local function option_rows(options)
  local rows = {}
  for _, option in ipairs(options) do
    local argument = (option.short and "-" .. option.short .. ", " or "    ") .. "--" .. option[1]
    rows[#rows + 1] = { "  " .. argument .. (option.value and "=" .. option.value or ""), option.help }
  end
  return rows
end

--- Prints the help of a command.
---@param command table name, usage, summary, help, options
function M.show(command)
  out.data("o2x " .. command.usage)
  out.data(("  %s"):format(command.summary))
  if command.help then out.text("\n" .. command.help:gsub("%s+$", "")) end
  for _, group in ipairs { { "Options", command.options or {} }, { "Options of every command", args.COMMON } } do
    if #group[2] > 0 then
      out.data ""
      out.data(group[1])
      out.columns(option_rows(group[2]), out.data, out.width())
    end
  end
end

return M
