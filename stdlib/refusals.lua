--- What a gateway's answer says about its connection to a provider. Only some of them are about credentials.

local M = {}

local CREDENTIALS <const> = { [400] = true, [401] = true, [403] = true, [422] = true }

local function reason_of(response)
  local reason = type(response.json) == "table" and response.json.message
  return type(reason) == "string" and reason or nil
end

--- Why a gateway has no connection.
---@param provider table of stdlib.providers
---@param response { status: integer, json: any } of its own test; not 200
---@return "credentials"|"gateway"|"provider" whose fault it is
---@return string text
function M.of(provider, response)
  local status, reason = response.status, reason_of(response)
  local said = reason and ("%s (HTTP %d)"):format(reason, status) or "HTTP " .. status
  if CREDENTIALS[status] then return "credentials", ("%s refuses the connection: %s"):format(provider.title, said) end
  if status == 404 or status == 405 then
    return "gateway", ("%s has no %s: %s"):format(provider.gateway, provider.test, said)
  end
  if status == 408 or status == 504 then
    return "provider", ("%s does not answer %s in time: %s"):format(provider.title, provider.gateway, said)
  end
  if status == 502 or status == 503 then
    return "provider", ("%s does not reach %s: %s"):format(provider.gateway, provider.title, said)
  end
  return "gateway", ("%s fails to test its connection to %s: %s"):format(provider.gateway, provider.title, said)
end

return M
