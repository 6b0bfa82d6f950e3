-- The help's first screen had neither adopt nor resume: texts that were broken into lines took its place.

local build = require "tests.support.build"
local folder = require "tests.support.folder"
local fs = require "o2x.base.fs"
local proc = require "o2x.base.proc"
local shell = require "o2x.base.shell"

-- The first 24 lines on 80 columns.
local function first_screen(cwd)
  local env = { PATH = os.getenv "PATH", COLUMNS = "80", HOME = "/nonexistent", NO_COLOR = "1" }
  local result = proc.run {
    argv = {
      "script",
      "-qec",
      "stty cols 80 rows 24; exec " .. shell.quote(fs.realpath(build.o2x)) .. " help",
      "/dev/null",
    },
    env = env,
    cwd = cwd,
    timeout = 60,
  }
  local lines = {}
  for line in result.stdout:gsub("\r", ""):gsub("\27%[%d*%a", ""):gmatch "([^\n]*)\n" do
    lines[#lines + 1] = line
    assert.is_true(utf8.len(line) <= 80, line)
  end
  return table.concat(lines, "\n", 1, 24)
end

local function has(text, words)
  for _, word in ipairs(words) do
    assert.truthy(text:find("o2x " .. word, 1, true), word .. "\n" .. text)
  end
end

describe("the first screen of the help", function()
  it("has what to type when something is down, and where to begin", function()
    local shown = first_screen(fs.cwd())
    assert.matches("Something is down.*First steps.*Run runbooks", shown)
    has(shown, { "diagnose TENANT", "rollback TENANT", "restore TENANT", "smoke TENANT", "logs TENANT" })
    has(shown, { "init FOLDER", "doctor", "list --tenants", "adopt TENANT", "run RUNBOOK", "plan RUNBOOK", "resume" })
    has(shown, { "undo" })
  end)

  it("has where to begin outside of a project, too", function()
    local place <close> = folder {}
    has(first_screen(place:at "."), { "init FOLDER", "doctor", "resume", "undo", "runs" })
  end)
end)
