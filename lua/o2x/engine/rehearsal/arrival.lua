--- The lab's side of a rehearsal: a process of its own, which knows the lab only, writes what was brought, by the
--- effect types' own writes and through a gate. It refuses to run anywhere else.

local errors = require "o2x.base.error"
local effects = require "o2x.effects"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local made_up = require "o2x.engine.rehearsal.made_up"
local program = require "o2x.core.program"

local M = {}

--- The variable that names the folder of the rehearsal. It makes o2x rehearse the lab's side.
M.VARIABLE = "O2X_REHEARSAL"

--- Files in the folder of the rehearsal: what was brought, and what could not be written of it.
M.LUGGAGE, M.LEFT = "luggage.json", "left.json"

local LOCAL <const> = "^https?://127%.0%.0%.1:%d+"

local function refuse(message)
  errors.raise {
    kind = "refused",
    module = "rehearse",
    message = "what a rehearsal brings is written in its own lab only: " .. message,
    hint = ("unset %s, and start it again: o2x rehearse RUNBOOK TENANT"):format(M.VARIABLE),
  }
end

-- Each variable is the lab's, and each server is on this machine.
local function check_place(folder, config)
  local path = fs.join(folder, "lab/lab.json")
  local text = fs.read_if(path) or refuse("there is no lab in " .. folder)
  local env = json.read(text, path).env
  for name, value in pairs(env) do
    if name ~= "O2X_STATE" and os.getenv(name) ~= value then refuse(("%s is not the lab's"):format(name)) end
  end
  if config.pg.host ~= "127.0.0.1" then refuse "PostgreSQL is elsewhere" end
  for _, place in ipairs { config.vault.addr, config.aws.endpoint, config.broker.url } do
    if not tostring(place):find(LOCAL) then refuse(("%s is elsewhere"):format(tostring(place))) end
  end
  if fs.folder(fs.realpath(config.kube.config)) ~= fs.realpath(fs.join(folder, "lab")) then
    refuse "the kubeconfig is elsewhere"
  end
end

--- What was brought, for preparation.run.
---@param folder string of the rehearsal
---@param config table
---@return table arrival
function M.open(folder, config)
  check_place(folder, config)
  local path = fs.join(folder, M.LUGGAGE)
  local luggage = json.decode(fs.read(path), path)
  return { folder = folder, items = luggage.items, id = json.without_nulls(luggage.id), left = {} }
end

--- The runbook of an arrival, for preparation.run.
---@return table runbook
---@return string[] declared
function M.runbook()
  return {
    name = "arrive",
    version = program.version,
    path = "arrive",
    summary = "bring a tenant into the lab of a rehearsal",
    params = {},
    effects = {},
  },
    effects.words()
end

-- What is written for one item.
local function writes_of(run, item)
  local effect_type = run.gate:type_of(item.kind)
  local target, value = made_up.revive(item.target), made_up.revive(item.value)
  local put = effect_type.rehearsal and effect_type.rehearsal.put
  if put then return put(run.ctx, target, value, made_up.revive(item.planned)) end
  return value ~= nil and { { target = target, desired = value } } or {}
end

local function write(run, item)
  local list, why = writes_of(run, item)
  if why then table.insert(run.arrival.left, { what = item.key, why = why }) end
  for _, one in ipairs(list or {}) do
    run.gate:effect(item.kind, one.target, one.desired)
  end
end

--- Writes all that was brought. What cannot be written is noted, and the rest goes on.
---@param run table
function M.perform(run)
  local arrival = run.arrival
  for _, item in ipairs(arrival.items) do
    local ok, problem = xpcall(write, errors.handler, run, item)
    if not ok then
      local err = errors.wrap(problem)
      if err.kind == "cancelled" then error(err, 0) end
      table.insert(arrival.left, { what = item.key, why = tostring(err) })
    end
  end
  fs.write(fs.join(arrival.folder, M.LEFT), json.encode(json.array(arrival.left)), { mode = 0x180 })
end

return M
