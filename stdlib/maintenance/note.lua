--- Whether a tenant is in maintenance: a note on the ConfigMap NAME-maintenance, where any machine can read it.

local clock = require "o2x.clock"
local json = require "o2x.json"
local k8s = require "o2x.k8s"
local naming = require "stdlib.naming"
local text = require "o2x.text"

local M = {}

--- The annotation that holds the note, and on what was changed what was there before; also a label of the ConfigMap.
M.KEY = "o2x.io/maintenance"

--- What an object has noted, or nil.
---@param object table?
---@return table?
function M.on(object)
  local noted = object and (object.metadata.annotations or {})[M.KEY]
  return noted and json.decode(noted)
end

--- The tenant's maintenance: tenant, since, until_, by, run; nil if it is in none.
---@param tenant table
---@return table?
function M.of(tenant) return M.on(k8s.get("ConfigMap", naming.resource(tenant, "maintenance"), tenant.namespace)) end

--- Seconds since the maintenance should have been over; nil if it should not yet.
---@param note table
---@return integer?
function M.lapsed(note)
  local over = clock.now() - clock.parse(note["until"])
  return over >= 0 and math.tointeger(over // 1) or nil
end

--- In words: since when, by whom, until when, and whether that has passed.
---@param tenant table
---@param note table
---@return string
function M.describe(tenant, note)
  local over = M.lapsed(note)
  local till = over and ("IT SHOULD HAVE ENDED %s AGO (%s)"):format(text.duration(over), note["until"])
    or "until " .. note["until"]
  return ("%s is in maintenance since %s by %s (%s); %s"):format(tenant.name, note.since, note.by, note.run, till)
end

--- Refuses to do something to a tenant that is in maintenance.
---@param tenant table
---@param what string "deploy"
function M.refuse(tenant, what)
  local note = M.of(tenant)
  if note then
    invalid(
      ("%s refused: %s"):format(what, M.describe(tenant, note)),
      ("o2x run maintenance %s mode=off --confirm=%s"):format(tenant.name, tenant.name)
    )
  end
end

return M
