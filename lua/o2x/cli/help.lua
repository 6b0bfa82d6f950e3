--- o2x help [COMMAND]

local errors = require "o2x.base.error"
local suggest = require "o2x.base.suggest"
local out = require "o2x.report.out"
local usage = require "o2x.cli.usage"

local GROUPS = {
  { "Run", "run", "plan", "resume" },
  { "Look", "runs", "show", "list", "info" },
  { "Write", "check", "lock", "new", "defs" },
  { "Around", "lab", "config", "version", "help" },
}

local M = { name = "help", usage = "help [COMMAND]", most = 1, summary = "this text, or that of a command" }

--- Prints the help of a command; the lab's program has its own.
---@param name string
function M.of(name)
  local command = require("o2x.cli." .. name)
  if command.raw then return command.run { "help" } end
  usage.show(command)
end

local function overview()
  out.data("o2x runs versioned runbooks for the tenants of a platform.")
  out.data("")
  for _, group in ipairs(GROUPS) do
    local rows = {}
    for i = 2, #group do
      local command = require("o2x.cli." .. group[i])
      rows[#rows + 1] = { "  o2x " .. command.usage, command.summary }
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
      if group[i] == words[1] then return M.of(words[1]) end
    end
  end
  local names = {}
  for _, group in ipairs(GROUPS) do
    table.move(group, 2, #group, #names + 1, names)
  end
  errors.input(
    ("unknown command '%s'%s"):format(out.printable(words[1]), suggest.did_you_mean(words[1], names)),
    "o2x help lists the commands"
  )
end

return M
