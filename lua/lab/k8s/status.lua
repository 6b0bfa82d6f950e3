--- `Status` bodies: the API server's error responses.
local M = {}

--- An error response.
---@param code integer
---@param reason string?
---@param message string
---@param details table?
---@return integer status
---@return table body
function M.failure(code, reason, message, details)
  return code,
    {
      kind = "Status",
      apiVersion = "v1",
      metadata = {},
      status = "Failure",
      message = message,
      reason = reason,
      details = details,
      code = code,
    }
end

local function details_of(kind, name, more)
  local details = { name = name, group = kind.group ~= "" and kind.group or nil, kind = kind.resource }
  for k, v in pairs(more or {}) do
    details[k] = v
  end
  return details
end

--- The response if an object does not exist.
---@param kind lab.k8s.Kind
---@param name string
function M.not_found(kind, name)
  return M.failure(404, "NotFound", ("%s %q not found"):format(kind.qualified, name), details_of(kind, name))
end

--- The response if an object exists already.
---@param kind lab.k8s.Kind
---@param name string
function M.exists(kind, name)
  return M.failure(409, "AlreadyExists", ("%s %q already exists"):format(kind.qualified, name), details_of(kind, name))
end

--- The response to a conflicting write.
---@param kind lab.k8s.Kind
---@param name string
---@param why string?
function M.conflict(kind, name, why)
  return M.failure(
    409,
    "Conflict",
    ("Operation cannot be fulfilled on %s %q: %s"):format(
      kind.qualified,
      name,
      why or "the object has been modified; please apply your changes to the latest version and try again"
    ),
    details_of(kind, name)
  )
end

--- The response to a server-side apply of fields that others own.
---@param list table[] { message, field }
function M.apply_conflict(list)
  local causes = {}
  for _, c in ipairs(list) do
    table.insert(causes, { reason = "FieldManagerConflict", message = c.message, field = c.field })
  end
  local text
  if #list == 1 then
    text = ("Apply failed with 1 conflict: %s: %s"):format(list[1].message, list[1].field)
  else
    local lines, last = {}, nil
    for _, c in ipairs(list) do
      if c.message ~= last then table.insert(lines, (c.message:gsub("^conflict", "conflicts")) .. ":") end
      table.insert(lines, "- " .. c.field)
      last = c.message
    end
    text = ("Apply failed with %d conflicts: %s"):format(#list, table.concat(lines, "\n"))
  end
  return M.failure(409, "Conflict", text, { causes = causes })
end

--- The response to an invalid request.
---@param message string
function M.bad_request(message) return M.failure(400, "BadRequest", message) end

--- The response to an object that is invalid.
---@param kind lab.k8s.Kind
---@param name string
---@param causes table[] { reason, message, field }: `message` is without the "field: " prefix
function M.invalid(kind, name, causes)
  local parts, seen = {}, {}
  for _, c in ipairs(causes) do
    local part = c.field .. ": " .. c.message
    if not seen[part] then table.insert(parts, part) end
    seen[part] = true
  end
  local text = #parts == 1 and parts[1] or "[" .. table.concat(parts, ", ") .. "]"
  local kind_name = kind.group == "" and kind.kind or kind.kind .. "." .. kind.group
  return M.failure(422, "Invalid", ("%s %q is invalid: %s"):format(kind_name, name, text), {
    name = name ~= "" and name or nil,
    group = kind.group ~= "" and kind.group or nil,
    kind = kind.kind ~= "" and kind.kind or nil,
    causes = causes,
  })
end

--- The response if a resource version is too old.
---@param message string
function M.expired(message) return M.failure(410, "Expired", message) end

--- The response if a resource version is one to come.
---@param wanted string
---@param current integer
function M.too_new(wanted, current)
  return M.failure(504, "Timeout", ("Timeout: Too large resource version: %s, current: %d"):format(wanted, current), {
    causes = { { reason = "ResourceVersionTooLarge", message = "Too large resource version" } },
    retryAfterSeconds = 1,
  })
end

--- The response to a request without valid credentials.
function M.unauthorised() return M.failure(401, "Unauthorized", "Unauthorized") end

--- The response to a method that the resource does not have.
function M.method_not_allowed()
  return M.failure(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {})
end

--- The response to a successful deletion.
---@param kind lab.k8s.Kind
---@param object table the deleted object
---@return integer status
---@return table body
function M.deleted(kind, object)
  return 200,
    {
      kind = "Status",
      apiVersion = "v1",
      metadata = {},
      status = "Success",
      details = details_of(kind, object.metadata.name, { uid = object.metadata.uid }),
    }
end

return M
