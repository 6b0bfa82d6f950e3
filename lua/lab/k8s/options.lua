--- The options of a write: in the query, or in the body of a deletion. The API server refuses those that it does not
--- know.
local body = require "lab.k8s.body"
local json = require "o2x.base.json"
local status = require "lab.k8s.status"

local M = {}

local KINDS <const> =
  { POST = "CreateOptions", PUT = "UpdateOptions", PATCH = "PatchOptions", DELETE = "DeleteOptions" }
local VALIDATIONS <const> = { "Ignore", "Strict", "Warn" }
local PROPAGATIONS <const> = { "Foreground", "Background", "Orphan" }

local function is_one(text, allowed)
  for _, each in ipairs(allowed) do
    if each == text then return true end
  end
  return false
end

local function unsupported(field, given, allowed)
  local quoted = {}
  for i, each in ipairs(allowed) do
    quoted[i] = ("%q"):format(each)
  end
  return {
    reason = "FieldValueNotSupported",
    field = field,
    message = ("Unsupported value: %s: supported values: %s"):format(given, table.concat(quoted, ", ")),
  }
end

local function invalid(method, cause)
  return status.invalid({ group = "meta.k8s.io", kind = KINDS[method] }, "", { cause })
end

local function quoted(text) return ("%q"):format(text) end

--- The options of a POST, PUT or PATCH.
---@param req httpd.request
---@param target lab.k8s.Target
---@return lab.k8s.WriteOptions?
---@return integer? status
---@return table? problem
function M.of_write(req, target)
  local query = req.query
  if (query.dryRun or "") ~= "" and query.dryRun ~= "All" then
    local given = json.encode(json.array { query.dryRun })
    return nil, invalid(req.method, unsupported("dryRun", given, { "All" }))
  end
  if (req.headers["content-type"] or ""):find("apply-patch", 1, true) and not query.fieldManager then
    local message = "Required value: is required for apply patch"
    return nil, invalid(req.method, { reason = "FieldValueRequired", field = "fieldManager", message = message })
  end
  local validation = query.fieldValidation or ""
  if validation ~= "" and not is_one(validation, VALIDATIONS) then
    return nil,
      invalid(req.method, unsupported("fieldValidation", quoted(validation), { "", table.unpack(VALIDATIONS) }))
  end
  return {
    manager = query.fieldManager or (req.headers["user-agent"] or "unknown"):match("^[^/]*"):sub(1, 128),
    dry = query.dryRun == "All",
    validation = validation ~= "" and validation or "Warn",
    force = query.force == "true",
    subresource = target.sub == "status" and "status" or nil,
    warnings = {},
  }
end

--- The options of a deletion.
---@param req httpd.request
---@return lab.k8s.DeleteOptions?
---@return integer? status
---@return table? problem
function M.of_deletion(req)
  local given, code, problem = {}, nil, nil
  if #req.body > 0 then
    given, code, problem = body.decode(req, { kind = "DeleteOptions" })
  end
  if not given then return nil, code, problem end
  local dry = given.dryRun or req.query.dryRun and { req.query.dryRun } or {}
  for _, word in ipairs(dry) do
    if word ~= "All" then
      return nil, invalid("DELETE", unsupported("dryRun", json.encode(json.array(dry)), { "All" }))
    end
  end
  local propagation = given.propagationPolicy or req.query.propagationPolicy
  if propagation and not is_one(propagation, PROPAGATIONS) then
    return nil,
      invalid(
        "DELETE",
        unsupported("propagationPolicy", quoted(propagation), { "Foreground", "Background", "Orphan", "nil" })
      )
  end
  local conditions = given.preconditions or {}
  return {
    dry = #dry > 0,
    uid = conditions.uid,
    resourceVersion = conditions.resourceVersion,
    propagation = propagation or given.orphanDependents and "Orphan",
  }
end

return M
