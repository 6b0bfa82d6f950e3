--- Whether a tenant is in maintenance. The record of it is an annotation on the ConfigMap NAME-maintenance, where any
--- machine can read it. The same annotation on a changed object saves its earlier state.

local clock = require "o2x.clock"
local json = require "o2x.json"
local k8s = require "o2x.k8s"
local naming = require "stdlib.naming"
local text = require "o2x.text"

local M = {}

--- The annotation that holds a record; also a label of the ConfigMap.
M.KEY = "o2x.io/maintenance"

--- The label of a ConfigMap that has a record: its name and value.
M.LABEL = { M.KEY, "on" }

--- The record that an object carries: the maintenance, and the object's saved state.
---@param object table? a Kubernetes object
---@return table? record nil if there is no object or no annotation
function M.saved(object)
  local annotation = object and (object.metadata.annotations or {})[M.KEY]
  if annotation == nil then return nil end
  local what = ("the annotation %s of %s"):format(M.KEY, object.metadata.name or "an object")
  local record = json.decode(annotation, what)
  if record == annotation then return nil end -- not known: a checklist that is printed without the cluster
  return json.check(record, "map", what)
end

local RECORD <const> = { "?", since = "string", ["until"] = "string", by = "string", run = "string" }

--- The tenant's current maintenance.
---@param tenant table
---@return table? record tenant, since, until (ISO 8601), by ("user@host"), run; nil if maintenance is off
function M.of(tenant)
  local name = naming.resource(tenant, "maintenance")
  return json.check(M.saved(k8s.get("ConfigMap", name, tenant.namespace)), RECORD, "the maintenance in " .. name)
end

--- The tenants that are in maintenance. It is for one who sees all that has the label, and no more.
---@return string[] names
function M.tenants()
  local names = {}
  for _, object in ipairs(k8s.list "ConfigMap") do
    names[#names + 1] = object.metadata.name:match "^(.+)%-maintenance$"
  end
  return names
end

--- How long ago the maintenance should have ended.
---@param record table
---@return integer? seconds nil while the planned end is ahead
function M.overdue(record)
  local seconds = clock.now() - clock.parse(record["until"])
  return seconds >= 0 and math.tointeger(seconds // 1) or nil
end

local function line(tenant, record, planned_end)
  return ("%s has been in maintenance since %s by %s (%s); %s"):format(
    tenant.name,
    record.since,
    record.by,
    record.run,
    planned_end
  )
end

--- One line for people: since when, by whom, and until when as it was just planned.
---@param tenant table
---@param record table
---@return string
function M.announce(tenant, record) return line(tenant, record, "until " .. record["until"]) end

--- One line for people: since when, by whom, until when, and whether that has passed.
---@param tenant table
---@param record table
---@return string
function M.describe(tenant, record)
  local overdue = M.overdue(record)
  if not overdue then return M.announce(tenant, record) end
  local late = "IT SHOULD HAVE ENDED %s AGO (%s)"
  return line(tenant, record, late:format(text.duration(overdue), record["until"]))
end

--- Stops the run with an input error if the tenant is in maintenance.
---@param tenant table
---@param action string what is refused: "deploy"
function M.refuse(tenant, action)
  local record = M.of(tenant)
  if record then
    invalid(
      ("%s refused: %s"):format(action, M.describe(tenant, record)),
      ("o2x run maintenance %s mode=off --confirm=%s"):format(tenant.name, tenant.name)
    )
  end
end

return M
