--- The lab's name server, on UDP and TCP: authoritative for the zones of the Route 53 simulator.

local asked = require("lab.asked")
local dns = require("o2x.client.dns")
local errors = require("o2x.base.error")
local faults = require("lab.faults")
local listen = require("o2x.core.listen")
local task = require("o2x.base.task")
local udp = require("o2x.core.udp")
local wire = require("lab.dns_wire")
local zones = require("lab.dns_zones")

local M = { name = "dns" }

local MAX_CHAIN <const> = 8 -- aliases that are followed
local PLAIN_UDP <const> = 512 -- bytes of a response without EDNS, RFC 1035
local IDLE_TIMEOUT <const> = 10 -- seconds

-- The public names of load balancers resolve to this machine.
local BALANCERS <const> = ".elb.amazonaws.com."

local function records_at(zone, name, kind)
  local found, first = {}, zones.first_within(zone.served, name)
  for i = first, #zone.served do
    local record = zone.served[i]
    if record.name ~= name then break end
    if record.type == kind or kind == "ANY" then found[#found + 1] = record end
  end
  -- A name without records exists if there are some below it: an empty non-terminal.
  local exists = zone.served[first] ~= nil and zones.within(zone.served[first].name, name)
  return found, exists
end

-- The records for a name: its own, or those of the wildcard at its closest existing parent (RFC 4592).
local function lookup(zone, name, kind)
  local found, exists = records_at(zone, name, kind)
  local alias = not found[1] and records_at(zone, name, "CNAME")[1]
  if exists then return alias and { alias } or found, true end
  local parent = name
  local parent_exists
  repeat
    parent = parent:match("^[^.]+%.(.+)$")
    parent_exists = select(2, records_at(zone, parent, kind))
  until parent_exists or parent == zone.name
  found, exists = records_at(zone, "*." .. parent, kind)
  alias = not found[1] and records_at(zone, "*." .. parent, "CNAME")[1]
  local result = {}
  for i, record in ipairs(alias and { alias } or found) do
    result[i] = { name = name, type = record.type, ttl = record.ttl, values = record.values }
  end
  return result, exists
end

local function soa(zone) return records_at(zone, zone.name, "SOA") end

local function resolve(store, name, kind)
  local answers, zone = {}, store:holding(name)
  if not zone then
    if name:sub(-#BALANCERS) ~= BALANCERS then return { rcode = "REFUSED" } end
    return {
      rcode = "NOERROR",
      authoritative = true,
      answers = kind == "A" and { { name = name, type = "A", ttl = 60, values = { "127.0.0.1" } } } or {},
    }
  end
  for _ = 1, MAX_CHAIN do
    local found, exists = lookup(zone, name, kind)
    for _, record in ipairs(found) do
      answers[#answers + 1] = record
    end
    if not found[1] then
      return {
        rcode = (exists or answers[1]) and "NOERROR" or "NXDOMAIN",
        authoritative = true,
        answers = answers,
        authority = soa(zone),
      }
    elseif found[1].type ~= "CNAME" or kind == "CNAME" or kind == "ANY" then
      break
    end
    name = zones.canonical(found[1].values[1])
    zone = store:holding(name)
    if not zone then
      for _, record in ipairs(resolve(store, name, kind).answers or {}) do
        answers[#answers + 1] = record
      end
      break
    end
  end
  return { rcode = "NOERROR", authoritative = true, answers = answers }
end

local KINDS <const> = { servfail = true, silent = true, truncated = true }

-- The fault of a query: one that is set for all of them, or for this one.
local function fault_of(store, query)
  local question, lab = query.questions[1], store.lab
  if not question then return store.state.fault end
  local line = ("QUERY %s %s"):format(zones.canonical(question.name), question.type)
  if lab.memory then
    asked.note(lab.asked, { service = "dns", method = "QUERY", target = line:sub(7), write = false })
  end
  local rule = lab.faults and faults.take(lab.faults.rules, "dns", line)
  return rule and rule.kind or store.state.fault
end

local function reply_to(store, query, fault)
  local question = query.questions[1]
  if query.opcode ~= 0 then return { rcode = "NOTIMP" } end
  if not question or #query.questions > 1 then return { rcode = "FORMERR" } end
  if question.class ~= 1 then return { rcode = "REFUSED" } end
  if fault == "servfail" then return { rcode = "SERVFAIL" } end
  store:settle()
  return resolve(store, zones.canonical(question.name), question.type)
end

--- Answers a message.
---@param store lab.dns_zones
---@param bytes string
---@param tcp boolean whether it came over TCP, where a response may be longer
---@return string|nil response nil: none is due
function M.answer(store, bytes, tcp)
  local query = dns.parse(bytes)
  if not query then
    -- FORMERR, unless the message has no complete header or is a response itself.
    if #bytes < 12 or bytes:byte(3) >= 0x80 then return nil end
    return bytes:sub(1, 2) .. string.pack(">I2I2I2I2I2", 0x8001, 0, 0, 0, 0)
  end
  if query.response then return nil end
  local fault = fault_of(store, query)
  if fault == "silent" then return nil end
  local limit = tcp and 65535 or PLAIN_UDP
  for _, record in ipairs(query.additional) do
    if record.type == "OPT" then
      query.edns = true
      limit = tcp and limit or math.max(PLAIN_UDP, math.min(record.class, 4096))
    end
  end
  if fault == "truncated" and not tcp then limit = 0 end -- so the client asks again over TCP
  return wire.encode(query, reply_to(store, query, fault), limit)
end

local function serve_udp(socket, store)
  while true do
    local bytes, from, code = socket:receive()
    if bytes then
      local answer = M.answer(store, bytes, false)
      if answer then socket:send(answer, from) end
    elseif code == "EAGAIN" then
      task.wait_fd(socket:fd(), "r", math.huge)
    end
  end
end

-- Reads until `buffer` has `count` bytes; → buffer, or nil at the end of the stream.
local function fill(connection, buffer, count)
  while #buffer < count do
    local bytes, _, code = connection:read()
    if bytes == "" or not bytes and code ~= "EAGAIN" then return nil end
    if bytes then
      buffer = buffer .. bytes
    elseif not task.wait_fd(connection:fd(), "r", IDLE_TIMEOUT) then
      return nil
    end
  end
  return buffer
end

local function write_all(connection, bytes)
  local from = 1
  while from <= #bytes do
    local n, _, code = connection:write(bytes, from)
    if n then
      from = from + n
    elseif code ~= "EAGAIN" or not task.wait_fd(connection:fd(), "w", IDLE_TIMEOUT) then
      return false
    end
  end
  return true
end

local function serve_connection(connection, store)
  local open <close> = connection
  local buffer = ""
  while true do
    buffer = fill(open, buffer, 2)
    local length = buffer and string.unpack(">I2", buffer)
    buffer = buffer and fill(open, buffer, 2 + length)
    if not buffer then return end
    local answer = M.answer(store, buffer:sub(3, 2 + length), true)
    buffer = buffer:sub(3 + length)
    if not answer or not write_all(open, string.pack(">s2", answer)) then return end
  end
end

local function serve_tcp(listener, store, connections)
  while true do
    local connection, _, code = listener:accept()
    if connection then
      local handle = task.spawn(serve_connection, connection, store)
      connections[handle] = true
      handle.on_end = function() connections[handle] = nil end
    elseif code == "EAGAIN" then
      task.wait_fd(listener:fd(), "r", math.huge)
    else
      task.sleep(0.1) -- such as out of file descriptors: a connection may close
    end
  end
end

-- One port for UDP and TCP.
local function bind(lab)
  local listener
  local socket, port = lab.on_port("dns", function(free)
    local fields = { kind = "failed", module = "lab", op = "dns", message = ("%s:%d"):format(lab.host, free) }
    local bound = errors.check(fields, udp.bind(lab.host, free))
    listener = errors.check(fields, listen.open(lab.host, free))
    return bound
  end)
  return socket, listener, port
end

-- A fault of single queries, as the injector counts them.
local function is_single(kind, options)
  return KINDS[kind] ~= nil and (options.nth or options.times or options.match) ~= nil
end

-- `o2x lab fault dns servfail|silent`: for all queries until `off`.
local function fault_handler(store)
  return function(kind)
    if kind == "off" then
      kind = nil
    elseif not KINDS[kind] then
      return false
    end
    store.state.fault = kind
    store.lab.save("route53")
    return true
  end
end

--- Starts the server.
---@param lab table
---@return table {port, env, stop, fault}
function M.start(lab)
  local store, connections = zones.open(lab), {}
  local socket, listener, port = bind(lab)
  local servers = { task.spawn(serve_udp, socket, store), task.spawn(serve_tcp, listener, store, connections) }
  local function stop()
    for handle in pairs(connections) do
      servers[#servers + 1] = handle
    end
    for _, handle in ipairs(servers) do
      handle:cancel()
    end
    for _, handle in ipairs(servers) do
      handle:wait()
    end
    socket:close()
    listener:close()
  end
  return {
    port = port,
    env = { O2X_LAB_DNS = ("%s:%d"):format(lab.host, port) },
    stop = stop,
    fault = fault_handler(store),
    single = is_single,
  }
end

return M
