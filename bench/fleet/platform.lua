--- A project whose platform has many tenants, for bench/fleet.lua.

local fs = require "o2x.base.fs"

local EXAMPLE <const> = "examples/platform/"

--- Makes it: the runbooks and stdlib of this tree, and tenants t00001-prd, t00002-prd …, half of them elsewhere.
---@param folder string
---@param count integer of tenants
---@return string folder
return function(folder, count)
  for _, name in ipairs { "runbooks", "stdlib" } do
    fs.copy_tree(name, fs.join(folder, name))
  end
  fs.write(fs.join(folder, "o2x.yaml"), "platform: tree\n")
  fs.write(fs.join(folder, "tree/platform.yaml"), fs.read(EXAMPLE .. "platform.yaml"), { parents = true })
  local text = fs.read(EXAMPLE .. "tenants/acme-sbx.yaml")
  for i = 1, count do
    local name = ("t%05d-prd"):format(i)
    local own = text:gsub("acme%-sbx", name):gsub("us%-east%-1", i % 2 == 0 and "us-east-1" or "us-west-2")
    fs.write(fs.join(folder, "tree/tenants", name .. ".yaml"), own, { parents = true, durable = false })
  end
  return folder
end
