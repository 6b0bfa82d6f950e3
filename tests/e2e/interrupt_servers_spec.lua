-- Ctrl-C is served within a second while the program waits for a system: a database that says nothing, an HTTP server
-- that sends a byte now and then, a helm that ignores signals. The bound is wider here, for a slow machine.

local eventually = require "tests.support.eventually"
local fs = require "o2x.base.fs"
local listen = require "o2x.core.listen"
local proc = require "o2x.base.proc"
local task = require "o2x.base.task"
local Toy = require "tests.support.toy"

local BOUND <const> = 5 -- seconds from the signal to the end
local INT <const> = 2

-- Serves one connection after the other with handle(connection, seen); seen() says that the wait has begun.
local function serve(handle)
  local listener = assert(listen.open("127.0.0.1", 0))
  local server = { port = listener:port(), seen = false }
  local function seen() server.seen = true end
  local loop = task.spawn(function()
    while true do
      task.wait_fd(listener:fd(), "r", math.huge)
      local connection <close> = listener:accept()
      if connection then pcall(handle, connection, seen) end
    end
  end)
  return setmetatable(server, {
    __close = function()
      loop:cancel()
      loop:wait(5, true)
      listener:close()
    end,
  })
end

local function read_some(connection)
  task.wait_fd(connection:fd(), "r", 30)
  return connection:read()
end

local function message(kind, body) return kind .. string.pack(">I4", #body + 4) .. body end

-- PostgreSQL as far as the login.
local function login(connection)
  read_some(connection)
  connection:write(message("R", string.pack(">I4", 0)))
  connection:write(message("S", "server_version\0" .. "16.0\0"))
  connection:write(message("S", "standard_conforming_strings\0on\0"))
  connection:write(message("S", "client_encoding\0UTF8\0"))
  connection:write(message("K", string.pack(">I4I4", 1, 2)))
  connection:write(message("Z", "I"))
end

local function silent_database(connection, seen)
  login(connection)
  read_some(connection)
  seen()
  task.sleep(1000)
end

local function silent_before_login(connection, seen)
  read_some(connection)
  seen()
  task.sleep(1000)
end

local function slow_http(connection, seen)
  read_some(connection)
  connection:write "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"
  seen()
  while true do
    connection:write " "
    task.sleep(0.1)
  end
end

local function slow_head(connection, seen)
  read_some(connection)
  seen()
  for byte in ("HTTP/1.1 200 OK\r\n" .. ("X-A: b\r\n"):rep(10000)):gmatch "." do
    connection:write(byte)
    task.sleep(0.1)
  end
end

local KUBECONFIG <const> = [[
current-context: c
clusters: [{name: c, cluster: {server: "http://127.0.0.1:%d"}}]
contexts: [{name: c, context: {cluster: c}}]
]]

local GRANTS <const> = [[
    vault = { "tenant/" .. tenant.name .. "/" },
    pg = { tenant = "toydb" },
    helm = { tenant.name .. "-app" },
    k8s = { namespace = "default", namespaces = { "default" } },
]]

local VAULT <const> = [[require("o2x.vault").read "a"]]
local PG <const> = [[require("o2x.pg").tenant:rows "select 1"]]
local HELM <const> = [[require("o2x.helm").list()]] -- which asks helm for its version first

-- what waits, the body of run, how the system answers
local WAITS <const> = {
  { "a database that says nothing after the login", PG, silent_database },
  { "a database that says nothing at all", PG, silent_before_login },
  { "an answer that comes byte by byte", VAULT, slow_http },
  { "a head that comes byte by byte", VAULT, slow_head },
  { "a helm that ignores signals", HELM },
  { "a helm whose children ignore signals", HELM, children = true },
}

describe("Ctrl-C while o2x waits for", function()
  local toy
  before_each(function()
    toy = Toy.new()
    local platform = toy.project .. "/stdlib/platform.lua"
    toy:write("stdlib/platform.lua", (fs.read(platform):gsub("files = {", GRANTS .. "files = {", 1)))
  end)
  after_each(function() fs.remove_tree(toy.dir) end)

  local function helm(children)
    local path, ready = toy.dir .. "/helm", toy.dir .. "/helm-waits"
    local wait = children and "(while :; do sleep 1; done) &\nwait; wait" or "while :; do sleep 1; done"
    fs.write(
      path,
      ('#!/bin/sh\ntrap "" TERM INT HUP\necho $$ > %s\n%s\n'):format(ready, wait),
      { mode = tonumber("755", 8) }
    )
    toy:write("o2x.yaml", ("helm: { command: %s }\n"):format(path))
    return ready
  end

  for _, mode in ipairs { "run", "plan" } do
    for _, case in ipairs(WAITS) do
      it(("%s (%s)"):format(case[1], mode), function()
        local server <close> = serve(case[3] or function() end)
        local ready = not case[3] and helm(case.children)
        fs.write(toy.dir .. "/kubeconfig", KUBECONFIG:format(server.port))
        toy:runbook("waits", "step('Wait', function()\n" .. case[2] .. "\nend)")
        local child <close> = toy:start({ mode, "waits", "alpha" }, {
          VAULT_ADDR = "http://127.0.0.1:" .. server.port,
          VAULT_TOKEN = "root-token-of-the-test",
          PGHOST = "127.0.0.1",
          PGPORT = tostring(server.port),
          PGPASSWORD = "password-of-the-test",
          PGSSLMODE = "disable",
          KUBECONFIG = toy.dir .. "/kubeconfig",
        })
        eventually("the wait", function()
          if child:status() then error(child:read "stderr", 0) end
          return server.seen or ready and (fs.read_if(ready) or "") ~= ""
        end)
        local start = task.now()
        child:kill(INT)
        local code, died = proc.wait(child, 60)
        local seconds = task.now() - start
        if os.getenv "O2X_TEST_TIMES" then io.stderr:write(("%.2f s\n"):format(seconds)) end
        assert.equal(130, code, tostring(died))
        assert.is_true(seconds < BOUND, ("%.1f s"):format(seconds))
        if ready then -- nothing of helm is left
          local pid = fs.read(ready):match "%d+"
          eventually("helm's end", function() return not fs.exists("/proc/" .. pid) end)
        end
      end)
    end
  end
end)
