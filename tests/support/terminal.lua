--- Runs o2x of a toy (tests/support/toy.lua) at a terminal of its own, at which somebody types.

local build = require "tests.support.build"

local fs = require "o2x.base.fs"
local proc = require "o2x.base.proc"
local shell = require "o2x.base.shell"
local task = require "o2x.base.task"

local ROOT <const> = fs.cwd()

--- Runs a command at a terminal.
---@param toy table
---@param words string[] of o2x
---@param answers string|fun(): string what is typed; a function is called once the terminal has shown `cue`
---@param options { columns: integer?, cue: string? }?
---@return table result code, stdout (all that the terminal shows)
return function(toy, words, answers, options)
  options = options or {}
  local command = shell.command { build.dev, ROOT .. "/tests/support/o2x.lua", table.unpack(words) }
  local line = ("cd %s && stty -echo cols %d rows 24; exec %s"):format(
    shell.quote(toy.project),
    options.columns or 80,
    command
  )
  local seen, shown = task.event(), {}
  local result = proc.run {
    argv = { "script", "-qec", line, "/dev/null" },
    env = toy:environment { TERM = "xterm", PATH = os.getenv "PATH" },
    timeout = 120,
    stdin = type(answers) == "string" and answers or function()
      task.wait(seen, 60)
      return answers()
    end,
    on_line = function(text)
      shown[#shown + 1] = text
      if text:find(options.cue or "[?]", 1, true) then seen:set() end
    end,
  }
  result.stdout = result.stdout ~= "" and result.stdout or table.concat(shown, "\n")
  result.stdout = result.stdout:gsub("\r", ""):gsub("\27%[%d*%a", "")
  return result
end
