--- The lab's control server, for `o2x lab fault` and `o2x lab advance-clock`.

local errors = require "o2x.base.error"
local faults = require "lab.faults"
local json = require "o2x.base.json"
local picture = require "lab.picture"
local snapshots = require "lab.snapshots"
local sorted_keys = require "o2x.base.sorted_keys"

local M = {}

local HTTP_KINDS <const> =
  "use an HTTP status such as 429, or timeout, hang, drop, drop-after, slow, off; see o2x help lab"
local SERVER_KINDS <const> = "use down or off"

-- A real server runs in its own process: its only fault is to be down.
local function server_fault(lab, service, kind)
  local module = require("lab." .. service)
  if kind == "down" then
    module.sweep(lab)
  elseif kind == "off" then
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
    server_fault(lab, service, kind)
  elseif kind == "off" then
    faults.clear(rules, service)
    if instance.fault then instance.fault("off", body) end
  elseif lab.faults.injected[service] and faults.has(kind or "") then
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

-- What all servers were asked since the last restore, in order.
local function history(lab, instances)
  local list, order = table.move(lab.asked.list, 1, #lab.asked.list, 1, {}), {}
  if instances.postgres and instances.postgres.log then
    for _, entry in ipairs(instances.postgres.log()) do
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
    ["/log"] = function() return { requests = json.array(history(lab, instances)) } end,
    ["/fault"] = function(body) return set_fault(lab, instances, body) end,
    ["/advance-clock"] = function(body) return advance_clock(lab, body) end,
    ["/requests"] = function() return { requests = lab.requests.lines } end,
  }
  return lab.serve("control", function(req)
    local route = routes[req.path]
    if req.headers.authorization ~= "Bearer " .. token then return answer(403, { message = "wrong token" }) end
    if not route then return answer(404, { message = "no such request" }) end
    local ok, result = pcall(function() return route(json.decode(req.body, "request")) end)
    if ok then return answer(200, result) end
    result = errors.wrap(result)
    return answer(400, { message = tostring(result), hint = result.hint })
  end)
end

return M
