--- The toy platform.

local M = {}

function M.load(name, spec, where, world)
  if not spec.company then fail(where .. ": company is missing") end
  return { name = name, company = spec.company, domain = name .. "." .. world.platform.domain }
end

function M.grants(tenant) return { files = { read = { tenant.name }, write = { tenant.name } } } end

function M.secrets(tenant) return { { name = "door.key", help = "opens the door" } } end

return M
