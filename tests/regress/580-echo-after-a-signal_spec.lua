-- Ctrl-\ at the prompt for secrets ended the process at once: the terminal's echo stayed off, with no last line.

local build = require "tests.support.build"
local fs = require "o2x.base.fs"
local proc = require "o2x.base.proc"
local shell = require "o2x.base.shell"
local task = require "o2x.base.task"
local toys = require "tests.support.toy"

local SECRET <const> = [[password: hunter2\n]]

-- What is typed, or done to the process, once it asks.
local CASES <const> = {
  { "Ctrl-C", typed = [[\003]] },
  { "Ctrl-C twice", typed = [[\003\003]] },
  { "Ctrl-\\", typed = [[\034]] },
  { "a hang-up", signal = "HUP" },
  { "kill", signal = "TERM" },
  { "two signals at once", signal = "TERM", again = "INT" },
}

-- Runs o2x in a shell at a terminal. -> what it shows: the program's words, its exit code, the terminal's flag
local function at_terminal(toy, case)
  local pid = toy.dir .. "/pid"
  local words = { build.dev, fs.cwd() .. "/tests/support/o2x.lua", "run", "tend", "alpha", "--secrets=-" }
  local line = ("cd %s; trap : INT QUIT HUP TERM; sh -c 'echo $$ >%s; exec \"$@\"' sh %s; %s"):format(
    shell.quote(toy.project),
    pid,
    shell.command(words),
    [[echo "code $?"; stty -a | grep -oE -- '-?\becho\b']]
  )
  local asked, shown, keys = task.event(), {}, toy.dir .. "/keys"
  proc.run { argv = { "mkfifo", keys } } -- which never ends: Ctrl-D would be something else
  proc.run {
    argv = { "sh", "-c", 'exec script -qec "$1" /dev/null <>"$2"', "sh", line, keys },
    env = toy:environment { TERM = "xterm", PATH = os.getenv "PATH", SHELL = "/bin/sh" },
    timeout = 60,
    stdin = function()
      task.wait(asked, 30)
      if case.typed then proc.run { argv = { "sh", "-c", 'printf "$0" >"$1"', SECRET .. case.typed, keys } } end
      for _, name in ipairs { case.signal, case.again } do
        proc.run { argv = { "kill", "-" .. name, (fs.read(pid):gsub("%s", "")) } }
      end
      return ""
    end,
    on_line = function(text)
      shown[#shown + 1] = text
      if text:find("not shown", 1, true) then asked:set() end
    end,
  }
  return (table.concat(shown, "\n"):gsub("\r", ""):gsub("\27%[%d*%a", ""))
end

describe("the prompt for secrets", function()
  for _, case in ipairs(CASES) do
    it("leaves the terminal as it was after " .. case[1], function()
      local toy <close> = toys.new()
      toy:runbook("tend", [[step("plant", toy.ensure, "a", 1)]])
      local shown = at_terminal(toy, case)
      -- a second signal may come before the first has been answered: then it ended at once
      assert.matches("interrupted[%l ]*; next: .* run tend alpha %-%-secrets=%-\ncode 130\necho$", shown)
      assert.is_nil(shown:find("hunter2", 1, true), shown)
      assert.same({}, toy:holds())
      assert.same({}, toy:json { "runs", "--json" })
    end)
  end
end)
