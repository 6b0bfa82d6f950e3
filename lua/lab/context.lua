--- The `lab` object that each simulator gets: folder, stable ports, persistent state, clock, HTTP server, certificates.

local asked = require "lab.asked"
local clock = require "o2x.base.clock"
local crypto = require "o2x.base.crypto"
local errors = require "o2x.base.error"
local faults = require "lab.faults"
local fs = require "o2x.base.fs"
local httpd = require "lab.httpd"
local json = require "o2x.base.json"
local real = require "lab.real"
local requests = require "lab.requests"
local states = require "lab.states"
local task = require "o2x.base.task"
local tls = require "lab.tls"

local M = {}

local PRIVATE = 0x180 -- 0600
local FIRST_PORT <const> = 10000
local PORT_TRIES <const> = 20

local function read_json(path)
  local text = fs.read_if(path)
  return text and json.decode(text, path) or nil
end

local function port_is_free(port)
  local ok, server = pcall(httpd.serve, { port = port, handler = function() return 404 end })
  if ok then server:stop() end
  return ok
end

-- The first port of the range that the system assigns to outgoing connections and to servers without a fixed port.
local function first_ephemeral()
  local range = fs.read_if "/proc/sys/net/ipv4/ip_local_port_range" or ""
  return math.tointeger(tonumber(range:match "^%d+")) or 32768
end

--- A free port outside of the range that the system assigns: a lab keeps its ports while it is down, so no connection
--- and no other server should get them by chance.
---@return integer
function M.free_port()
  local span = first_ephemeral() - FIRST_PORT
  for _ = 1, PORT_TRIES do
    local port = span > 0 and FIRST_PORT + string.unpack("<I4", crypto.random(4)) % span or 0
    if port > 0 and port_is_free(port) then return port end
  end
  local server <close> = httpd.serve { handler = function() return 404 end } -- any port
  return server.port
end

-- port(name): the port of a server. on_port(name, start): starts the server on it.
local function keep_ports(lab)
  local path = fs.join(lab.dir, "ports.json")
  local ports, given = read_json(path) or {}, {}

  -- The port of a server: the one it had before, or a free one if that is taken.
  local function port_of(name)
    if given[name] then return given[name] end
    local port = ports[name]
    if not port or not port_is_free(port) then port = M.free_port() end
    ports[name], given[name] = port, port
    fs.write(path, json.encode(ports), { mode = PRIVATE })
    return port
  end

  local function taken(port, problem)
    return errors.is(problem) and problem.code == "EADDRINUSE" or not port_is_free(port)
  end

  -- Another process may have taken the port since it was free: then the server gets another one.
  local function on_port(name, start)
    for tries = 1, PORT_TRIES do
      local port = port_of(name)
      local ok, result = pcall(start, port)
      if ok then return result, port end
      if tries == PORT_TRIES or not taken(port, result) then error(result, 0) end
      given[name], ports[name] = nil, nil
    end
  end

  return port_of, on_port
end

--- Whether a folder has a lab in memory: then there is a file of this name, so that its servers are found from outside.
---@param dir string
---@return boolean
function M.in_memory(dir) return fs.exists(fs.join(dir, "memory")) end

--- Makes the lab object. Its functions are called with a dot: lab.port("vault").
---@param dir string the lab's folder; created if missing
---@param how { memory: boolean?, real: string[]? }? memory: nothing is kept when it ends, so no state is written to the
---  disk; real: the systems that are not simulated; a folder remembers both
---@return table lab dir, host, real, port, state, save, flush, clock, serve, certificate, log
function M.new(dir, how)
  fs.mkdir(dir, 0x1c0)
  local lab = { dir = fs.realpath(dir), host = "127.0.0.1", ca = nil }
  if how and how.memory then fs.write(fs.join(lab.dir, "memory"), "", { mode = PRIVATE }) end
  lab.memory = M.in_memory(lab.dir)
  if how and how.real then real.remember(lab.dir, how.real) end
  lab.real = real.of(lab.dir)
  local tls_folder = fs.join(lab.dir, "tls")
  local log_path = fs.join(lab.dir, "lab.log")

  lab.ca = tls.authority(tls_folder)
  -- port(name): the port of a server; on_port(name, start): the result of start(port), and the port.
  lab.port, lab.on_port = keep_ports(lab)
  -- state(name): a table that is kept on disk; save(name): write it soon (all without a name); flush(): write all now;
  -- states: all of them by name.
  lab.state, lab.save, lab.flush, lab.states = states.open(fs.join(lab.dir, "state"), lab.memory)

  --- Appends a line to the lab's log.
  ---@param text string
  function lab.log(text) fs.append(log_path, ("%s %s\n"):format(clock.iso(), text), PRIVATE) end

  --- The lab's time, in seconds since 1970. `o2x lab advance-clock` moves it forward.
  function lab.clock() return clock.now() + (lab.state("clock").advanced or 0) end

  --- A certificate for names and addresses, signed by the lab's authority.
  ---@param name string of its files
  ---@param names string[] host names and addresses
  ---@return { cert: string, key: string } as PEM text
  function lab.certificate(name, names) return tls.certificate(tls_folder, name, names) end

  lab.servers = {} -- HTTP servers by name
  lab.faults = { rules = faults.open(lab), injected = {} } -- injected: the services behind the fault injector
  lab.requests = requests.new(lab.dir)
  lab.asked = asked.new()

  --- Starts an HTTP server on port(name), behind the fault injector.
  ---@param name string the service
  ---@param handler fun(req: httpd.request): integer?, table?, string?
  ---@param options { tls: true|{ cert: string, key: string } }?
  ---@return httpd.server
  function lab.serve(name, handler, options)
    local certificate = options and options.tls
    lab.faults.injected[name] = true
    if certificate == true then certificate = lab.certificate("server", { "localhost", "127.0.0.1" }) end
    local function restart(seconds) task.spawn(lab.servers[name].restart, lab.servers[name], seconds) end
    local wrapped = faults.wrap(lab.faults.rules, name, asked.wrap(lab.asked, name, handler), lab.log, restart)
    wrapped = requests.wrap(lab.requests, name, wrapped)
    local server = lab.on_port(
      name,
      function(port)
        return httpd.serve { host = lab.host, port = port, tls = certificate, log = lab.log, handler = wrapped }
      end
    )
    lab.servers[name] = server
    return server
  end

  return lab
end

return M
