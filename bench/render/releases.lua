-- The 16 releases of a tenant: charts and values of the platform.

local fs = require "o2x.base.fs"

local M = { COUNT = 16, TREE = "examples/platform" }

local TENANT <const> = "urbanos"

--- Writes them into a file: "name chart values", one a line.
function M.write(path)
  local lines = {}
  for _, folder in ipairs(fs.list(M.TREE)) do
    local values = fs.join(M.TREE, folder, "helm_values", TENANT)
    for _, file in ipairs(fs.exists(values) and fs.list(values) or {}) do
      local service = file:match "^(.*)%.yaml$"
      local chart = service and fs.join(folder, "charts", service)
      if chart and fs.exists(fs.join(M.TREE, chart)) then
        lines[#lines + 1] = ("%s-%s %s %s/helm_values/%s/%s"):format(TENANT, service, chart, folder, TENANT, file)
      end
    end
  end
  assert(#lines == M.COUNT, #lines .. " charts")
  fs.write(path, table.concat(lines, "\n") .. "\n")
end

return M
