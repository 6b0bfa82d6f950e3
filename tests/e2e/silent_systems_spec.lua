-- Systems that take a connection and never answer: whatever the command, there is a word at once, and Ctrl-C ends it
-- with a last line. The bounds are wide, for a slow machine.

local fs = require "o2x.base.fs"
local build = require "tests.support.build"
local eventually = require "tests.support.eventually"
local proc = require "o2x.base.proc"
local raw_server = require "tests.support.raw_server"
local task = require "o2x.base.task"

local FIRST <const>, LAST <const> = 5, 15 -- seconds; 1 and 2 on a machine with nothing else to do
local INT <const> = 2

local COMMANDS <const> = {
  "plan onboard newclient",
  "run onboard newclient",
  "run smoke urbanos",
  "run diagnose urbanos",
  "plan deploy urbanos",
  "guide onboard newclient",
  "audit urbanos",
  "policy urbanos",
  "doctor",
  "list --tenants",
}

describe("where all systems are silent", function()
  local folder
  setup(function() folder = fs.temp_folder "/tmp/o2x-silent-" end)
  teardown(function() fs.remove_tree(folder) end)

  local function environment(silent)
    local at = "127.0.0.1:" .. silent.port
    fs.write(
      folder .. "/kubeconfig",
      ([[{"apiVersion":"v1","kind":"Config","current-context":"x","clusters":[{"name":"x","cluster":
        {"server":"http://%s"}}],"users":[{"name":"x","user":{"token":"t"}}],
        "contexts":[{"name":"x","context":{"cluster":"x","user":"x"}}]}]]):format(at),
      { mode = tonumber("600", 8) }
    )
    return {
      HOME = folder,
      PATH = os.getenv "PATH",
      O2X_PLATFORM = fs.cwd() .. "/examples/platform",
      O2X_STATE = folder .. "/state",
      PGHOST = "127.0.0.1",
      PGPORT = tostring(silent.port),
      PGPASSWORD = "x",
      PGSSLMODE = "disable",
      VAULT_ADDR = "http://" .. at,
      VAULT_TOKEN = "t",
      KUBECONFIG = folder .. "/kubeconfig",
      REDIS_URL = "redis://" .. at,
      O2X_BROKER_URL = "http://" .. at,
      O2X_BROKER_PASSWORD = "x",
      AWS_ENDPOINT_URL = "http://" .. at,
      AWS_ACCESS_KEY_ID = "a",
      AWS_SECRET_ACCESS_KEY = "b",
      O2X_LAB_DNS = at,
    }
  end

  for i, command in ipairs(COMMANDS) do
    it("o2x " .. command .. " speaks at once, and ends with a last line", function()
      local silent <close> = raw_server.serve(function() task.sleep(600) end, { silent = true })
      local words, log = {}, ("%s/said-%d"):format(folder, i)
      for word in command:gmatch "%S+" do
        words[#words + 1] = word
      end
      local start = task.now()
      local child <close> = proc.start {
        argv = { build.o2x, table.unpack(words) },
        env = environment(silent),
        timeout = 300,
        log = log,
      }
      eventually("the first byte", function() return (fs.read_if(log) or "") ~= "" or child:status() end, FIRST)
      assert.is_true(task.now() - start < FIRST)
      child:kill(INT)
      start = task.now()
      local code = proc.wait(child, 60)
      assert.is_true(task.now() - start < LAST)
      local said = fs.read(log)
      local last = said:match "([^\n]*)\n*$"
      if code == 130 then assert.matches("next: ", last, said) end
      assert.truthy(last ~= "", said)
    end)
  end
end)
