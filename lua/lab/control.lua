--- The lab's control server, for `o2x lab fault` and `o2x lab advance-clock`.

local asked = require "lab.asked"
local copy = require "lab.copy"
local errors = require "o2x.base.error"
local faults = require "lab.faults"
local json = require "o2x.base.json"
local picture = require "lab.picture"
local relay = require "lab.relay"
local snapshots = require "lab.snapshots"
local sorted_keys = require "o2x.base.sorted_keys"
local task = require "o2x.base.task"

local M = {}

local HTTP_KINDS <const> = "use an HTTP status such as 429, or timeout, hang, drop, drop-after, truncated, refused, "
  .. "restart, slow, off; see o2x help lab"
local SERVER_KINDS <const> = "use down or off; behind a relay cut, cut-after, timeout, truncated, slow; "
  .. "for PostgreSQL also restart, 57P01, 53300, 53100, 40001, 40P01, 25006; "
  .. "for Redis READONLY, LOADING, OOM, BUSY, MOVED"

-- The fault of a statement or command. A restart concerns the server, so it is done here.
local function take_for_relay(lab, instances, name, text)
  if lab.memory then asked.note(lab.asked, { service = name, statement = text }) end
  local rule = faults.take(lab.faults.rules, name, text)
  if rule then lab.log(("fault %s: %s: %s"):format(name, rule.kind, text:sub(1, 200))) end
  if rule and rule.kind == "restart" then task.spawn(instances[name].restart) end
  return rule
end

-- Opens the relays in front of PostgreSQL and Redis, once. Clients with this environment go through them.
local function open_relays(lab, instances)
  lab.relays = lab.relays or {}
  for _, name in ipairs { "postgres", "redis" } do
    lab.relays[name] = lab.relays[name]
      or relay.open(lab, name .. "-relay", {
        target = function() return instances[name].port end,
        protocol = require("lab.relay." .. name).new,
        take = function(text) return take_for_relay(lab, instances, name, text) end,
      })
  end
  return {
    env = {
      PGPORT = tostring(lab.relays.postgres.port),
      REDIS_URL = ("redis://127.0.0.1:%d/0"):format(lab.relays.redis.port),
    },
  }
end

local function relay_fault(lab, service, kind, body)
  if not (lab.relays and lab.relays[service]) then
    errors.input(("%s %s: there is no relay in front of it"):format(service, kind), "start it: POST /relay")
  end
  faults.add(lab.faults.rules, service, kind, body)
end

-- A real server runs in its own process: it can be down. Single statements and commands are a relay's.
local function server_fault(lab, service, kind, body)
  local module = require("lab." .. service)
  if require("lab.relay." .. service).KINDS[kind] then
    relay_fault(lab, service, kind, body)
  elseif kind == "down" then
    module.sweep(lab)
  elseif kind == "off" then
    faults.clear(lab.faults.rules, service)
    module.start(lab)
  else
    errors.input(("%s has no fault '%s'"):format(service, tostring(kind)), SERVER_KINDS)
  end
end

-- The injector has the faults of a service behind it, even if the service has real servers too (aws: those of RDS).
local function set_fault(lab, instances, body)
  local rules, service, kind = lab.faults.rules, body.service, body.kind
  if not service then return { rules = rules } end
  local instance = instances[service]
  if not instance then
    errors.input(
      ("the lab has no service '%s'"):format(service),
      "services: " .. table.concat(sorted_keys(instances), ", ")
    )
  end
  if require("lab." .. service).sweep and not lab.faults.injected[service] then
    server_fault(lab, service, kind, body)
  elseif kind == "off" then
    faults.clear(rules, service)
    if lab.servers[service] then lab.servers[service]:up() end
    if instance.fault then instance.fault("off", body) end
  elseif lab.faults.injected[service] and faults.has(kind or "") or instance.single and instance.single(kind, body) then
    faults.add(rules, service, kind, body)
  elseif not (instance.fault and instance.fault(kind, body)) then
    errors.input(("%s has no fault '%s'"):format(service, tostring(kind)), HTTP_KINDS)
  end
  lab.save("faults")
  return { rules = rules }
end

local function advance_clock(lab, body)
  local state = lab.state("clock")
  state.advanced = (state.advanced or 0) + (tonumber(body.seconds) or 0)
  lab.save("clock")
  return { now = lab.clock() }
end

-- Writes all that is not on disk yet; a lab in memory has nothing there.
local function save(lab)
  if not lab.memory then lab.flush() end
  return { saved = not lab.memory }
end

-- What all servers were asked since the last restore, in order; with what relays passed on, if that is wanted.
local function history(lab, instances, statements)
  local list, order = {}, {}
  for _, entry in ipairs(lab.asked.list) do
    if statements or not entry.statement then list[#list + 1] = entry end
  end
  for _, name in ipairs { "postgres", "redis" } do
    local log = instances[name] and instances[name].log
    for _, entry in ipairs(log and log() or {}) do
      list[#list + 1] = entry
    end
  end
  for i, entry in ipairs(list) do
    order[entry] = i
  end
  table.sort(list, function(a, b)
    if a.at ~= b.at then return a.at < b.at end
    return order[a] < order[b]
  end)
  return list
end

local function answer(status, value) return status, { ["Content-Type"] = "application/json" }, json.encode(value) end

--- Starts the control server. Its token is in lab.json, which only the lab's owner can read.
---@param lab table
---@param instances table<string, table> the simulators
---@param token string
---@return table server
function M.start(lab, instances, token)
  local routes = {
    ["/snapshot"] = function(body) return snapshots.keep(lab, instances, body.name) or {} end,
    ["/restore"] = function(body) return { changed = json.array(snapshots.restore(lab, instances, body.name)) } end,
    ["/state"] = function(body) return picture.take(lab, body) end,
    ["/picture"] = function(body) return picture.keep(lab, body.name) or {} end,
    ["/unlike"] = function(body) return picture.unlike(lab, body.name, body.left_out) end,
    ["/log"] = function(body) return { requests = json.array(history(lab, instances, body.statements)) } end,
    ["/fault"] = function(body) return set_fault(lab, instances, body) end,
    ["/relay"] = function() return open_relays(lab, instances) end,
    ["/advance-clock"] = function(body) return advance_clock(lab, body) end,
    ["/copy"] = function(body) return copy.run(lab, instances, body) end,
    ["/save"] = function() return save(lab) end,
    ["/requests"] = function() return { requests = lab.requests.lines } end,
  }
  return lab.serve("control", function(req)
    local route = routes[req.path]
    if req.headers.authorization ~= "Bearer " .. token then return answer(403, { message = "wrong token" }) end
    if not route then return answer(404, { message = "no such request" }) end
    local ok, result = pcall(function() return route(json.decode(req.body, "request")) end)
    if ok then return answer(200, result) end
    result = errors.wrap(result)
    return answer(400, { kind = result.kind, message = tostring(result), hint = result.hint })
  end)
end

return M
