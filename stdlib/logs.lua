--- The last lines that a tenant's services wrote.

local k8s = require "o2x.k8s"
local naming = require "stdlib.naming"
local services = require "stdlib.services"

local M = {}

local function pods_of(tenant, service)
  local app = naming.resource(tenant, service)
  return k8s.list("Pod", { selector = "app=" .. app, namespace = tenant.namespace })
end

-- Its lines, or why there are none.
local function lines_of(tenant, pod, params)
  local options = { tail = params.lines, previous = params.previous or nil, namespace = tenant.namespace }
  local ok, found = pcall(k8s.logs, pod.metadata.name, options)
  if not ok then return { "(no log: " .. tostring(found) .. ")" } end
  local lines = {}
  for line in found:gmatch "[^\n]+" do
    if not params.match or line:lower():find(params.match:lower(), 1, true) then lines[#lines + 1] = line end
  end
  return lines
end

--- Outputs the last lines of each pod of the services.
---@param tenant table
---@param params { services: string[]?, lines: integer, match: string?, previous: boolean } match: only lines that have
---  this text, in any case; previous: of the container before its last restart
function M.run(tenant, params)
  local rows, shown = {}, {}
  for _, service in ipairs(services.choose(params.services)) do
    for _, pod in ipairs(pods_of(tenant, service)) do
      local name, lines = pod.metadata.name, lines_of(tenant, pod, params)
      rows[#rows + 1] = { service = service, pod = name, lines = lines }
      if lines[1] then shown[#shown + 1] = ("==> %s <==\n%s"):format(name, table.concat(lines, "\n")) end
    end
  end
  if #rows == 0 then
    fail(("%s has no pods of %s"):format(tenant.name, table.concat(services.choose(params.services), ", ")))
  end
  if #shown == 0 then
    local what = params.match and ("no line with %q"):format(params.match) or "no lines"
    log(("%s in the logs of %d pods; the last %d lines of each were read"):format(what, #rows, params.lines))
  end
  output { columns = { "service", "pod" }, rows = rows, text = table.concat(shown, "\n\n") }
end

return M
