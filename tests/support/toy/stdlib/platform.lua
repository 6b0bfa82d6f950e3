--- The toy platform.

local M = { MAKES = "build" }

function M.name_problem(name)
  if #name > 20 then return { message = "toy tenants have short names" } end
end

function M.load(name, platform, spec, where, others)
  if not spec.company then return nil, { message = "company is missing", where = where } end
  for _, other in ipairs(others) do
    if other.id and other.id == spec.id then
      return nil, { message = spec.id .. " is the id of " .. other.name, where = where }
    end
  end
  local domain = name .. "." .. platform.domain
  return { name = name, id = spec.id, company = spec.company, domain = domain, kept = spec.kept }
end

function M.draft(name) return { company = "unknown " .. name } end

function M.grants(tenant)
  local write = { tenant.name }
  if tenant.adopting then write[2] = ("tenants/%s.yaml"):format(tenant.name) end
  return { files = { read = { tenant.name }, write = write }, redis = { tenant.id and tenant.id .. ":" } }
end

return M
