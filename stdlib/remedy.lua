--- The command lines that findings and errors propose. Each works when it is pasted into a shell: it names the
--- namespace, quotes what a shell would take apart, and confirms what asks to be confirmed.

local naming = require "stdlib.naming"
local text = require "o2x.text"

local M = {}

--- `o2x run` for the tenant.
---@param tenant table
---@param runbook string
---@param arguments string? "services=service-billing"
---@param severe boolean? the runbook asks for --confirm
---@return string
function M.run(tenant, runbook, arguments, severe)
  local words = { "o2x run", runbook, tenant.name, arguments, severe and "--confirm=" .. tenant.name or nil }
  local line = {}
  for i = 1, 5 do
    if words[i] then line[#line + 1] = words[i] end
  end
  return table.concat(line, " ")
end

-- Does the tenant's file keep it as it is, or will it, once the tenant is adopted?
local function is_kept(tenant, what)
  for _, one in ipairs(tenant.kept or {}) do
    if one.what == what then return true end
  end
  return tenant.by_hand == true
end

--- A tenant that people made and nobody adopted, as remedies see it.
---@param tenant table
---@return table
function M.of_hand(tenant) return setmetatable({ by_hand = true }, { __index = tenant }) end

--- What gives the administrator a password that Vault has, without another change of a tenant that was made by hand.
---@param tenant table
---@return string
function M.reset_admin(tenant) return M.run(tenant, tenant.by_hand and "adopt" or "onboard", "admin=reset") end

local function take_over(what) return text.shell_word("--take-over=" .. what:match "^%S+ (.+)$") end

local function onboard(tenant, options)
  local line = M.run(tenant, "onboard", options[1] and table.concat(options, " "))
  return tenant.by_hand and M.run(tenant, "adopt") .. " && " .. line or line
end

--- `o2x run onboard`, which creates what is missing and changes what differs from the tenant file. What the file of an
--- adopted tenant keeps as it is, it leaves alone: that needs --take-over. A tenant that was made by hand (by_hand) is
--- adopted first, so that nothing else of it changes.
---@param tenant table
---@param ... string what is to be made, as a tenant's file names it: "helm.release urbanos-service-billing"
---@return string
function M.onboard(tenant, ...)
  local options = {}
  for _, what in ipairs { ... } do
    if is_kept(tenant, what) then options[#options + 1] = take_over(what) end
  end
  return onboard(tenant, options)
end

--- As onboard, over a value that somebody else gave: it is overwritten.
---@param tenant table
---@param what string as for onboard
---@return string
function M.overwrite(tenant, what) return onboard(tenant, { take_over(what) }) end

--- A row in the tenant's database, as a tenant's file names it.
---@param tenant table
---@param name string "core_config.tenant_merchants"
---@param ... any columns and their values in turn: "id", tenant.id
---@return string
function M.row(tenant, name, ...)
  local words, conditions = { ... }, {}
  for i = 1, #words, 2 do
    local value = words[i + 1]
    conditions[#conditions + 1] = ("%s = %s"):format(words[i], type(value) == "number" and value or M.literal(value))
  end
  table.sort(conditions) -- as the engine names rows
  return ("pg.row %s %s where %s"):format(tenant.database, name, table.concat(conditions, " and "))
end

--- `o2x run deploy` for one service.
---@param tenant table
---@param service string
---@return string
function M.deploy(tenant, service) return M.run(tenant, "deploy", "services=" .. service, true) end

--- `o2x run rollback` for one service.
---@param tenant table
---@param service string
---@return string
function M.rollback(tenant, service) return M.run(tenant, "rollback", "services=" .. service, true) end

--- `o2x run scale` for one service.
---@param tenant table
---@param service string
---@param replicas integer
---@param force boolean? in spite of an autoscaler
---@return string
function M.scale(tenant, service, replicas, force)
  local arguments = ("service=%s replicas=%d%s"):format(service, replicas, force and " force=true" or "")
  return M.run(tenant, "scale", arguments, true)
end

--- `kubectl` in the tenant's namespace.
---@param tenant table
---@param words string "describe pod x"
---@return string
function M.kubectl(tenant, words) return ("kubectl -n %s %s"):format(tenant.namespace, words) end

--- The log of a service.
---@param tenant table
---@param service string
---@param pattern string? only lines that have it, in any case
---@return string
function M.logs(tenant, service, pattern)
  local line = M.kubectl(tenant, "logs deployment/" .. naming.resource(tenant, service))
  return pattern and ("%s | grep -i %s"):format(line, text.shell_word(pattern)) or line
end

--- Restarts the pods of a service, so that they read their credentials anew.
---@param tenant table
---@param service string
---@return string
function M.restart(tenant, service)
  return M.kubectl(tenant, "rollout restart deployment/" .. naming.resource(tenant, service))
end

--- A text as SQL reads it.
---@param value string
---@return string
function M.literal(value) return "'" .. value:gsub("'", "''") .. "'" end

--- A statement in a database.
---@param database string
---@param sql string
---@return string
function M.psql(database, sql) return ("psql -d %s -c %s"):format(text.shell_word(database), text.shell_word(sql)) end

--- A statement about the role of the services. Its name is in a Secret, so a shell reads it there: a finding would not
--- show it.
---@param tenant table
---@param sql string %s is the role; nothing in it needs quotes within double quotes of a shell
---@return string
function M.psql_of_services(tenant, sql)
  local name =
    M.kubectl(tenant, ("get secret %s -o jsonpath={.data.username}"):format(tenant.platform.kubernetes.postgres_secret))
  return ('psql -d postgres -c "%s"'):format(sql:gsub('"', '\\"'):format(('\\"$(%s | base64 -d)\\"'):format(name)))
end

--- What only a backup has.
---@param tenant table
---@param note string? more words
---@return o2x.remedy
function M.restore(tenant, note)
  local restore = M.run(tenant, "restore", "snapshot=NAME", true)
  return {
    say = ("restore one of its archives or snapshots: %s%s"):format(restore, note and "; " .. note or ""),
    look = M.run(tenant, "backup", "list=true"),
  }
end

return M
