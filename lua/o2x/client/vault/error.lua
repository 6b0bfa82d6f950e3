--- Turns Vault's error answers into error objects, and decides whether the request may be retried.

local errors = require "o2x.base.error"
local json = require "o2x.base.json"

local M = {}

local READS <const> = { GET = true, LIST = true }
local ACTIVE <const> = "point VAULT_ADDR at the active server"

local function text_of(response)
  local list = type(response.body) == "table" and response.body.errors
  if type(list) == "string" then list = { list } end
  local texts = {}
  for i, item in ipairs(type(list) == "table" and list or {}) do
    texts[i] = (type(item) == "string" or type(item) == "number") and tostring(item) or json.encode(item)
  end
  local text = table.concat(texts, "; ")
  return (text:gsub("^%d+ errors? occurred:", ""):gsub("[%s*]+", " "):match "^%s*(.-)%s*$")
end

-- Temporarily unavailable: sealed, in maintenance, over a limit. The request had no effect.
local function unavailable(message, hint)
  return { kind = "unreachable", retryable = true, message = message, hint = hint }
end

local function redirected(response)
  return {
    kind = "unreachable",
    retryable = false,
    message = "redirected to " .. (response.headers.location or "another server"),
    hint = "o2x does not follow redirects: " .. ACTIVE,
  }
end

local function bad_request(response)
  local text = text_of(response)
  if text:find("check-and-set", 1, true) then
    return {
      kind = "conflict",
      message = "modified concurrently by another client (" .. text .. ")",
      hint = "check the new value, then run again",
    }
  end
  return { kind = "failed", message = text ~= "" and text or "bad request" }
end

local BY_STATUS <const> = {
  [400] = bad_request,
  [404] = function(response)
    local text = text_of(response)
    return {
      kind = "failed",
      message = text ~= "" and text or "not found",
      hint = "check vault.mount; Vault also answers this if the token has no permission",
    }
  end,
  [412] = function() return unavailable "this server has not replicated an earlier write yet" end,
  [429] = function() return unavailable "rate limit exceeded" end,
  [472] = function() return unavailable("this server is a disaster-recovery standby", ACTIVE) end,
  [473] = function() return unavailable("this server is a standby", ACTIVE) end,
  [501] = function() return unavailable("Vault is not initialised", "vault operator init") end,
  [503] = function(response)
    local text = text_of(response)
    if text:find "sealed" then return unavailable("Vault is sealed", "vault operator unseal") end
    return unavailable(text ~= "" and text or "Vault is not available")
  end,
}

local function fields_for(request, response)
  local status = response.status
  local known = BY_STATUS[status]
  if known then return known(response) end
  if status >= 300 and status < 400 then return redirected(response) end
  local text = text_of(response)
  local message = ("status %d%s"):format(status, text ~= "" and ": " .. text or "")
  if status < 500 then return { kind = "failed", message = message } end
  -- After a 500 or a gateway's 502 a write may have taken effect.
  local read = READS[request.method] or false
  return { kind = read and "unreachable" or "unknown", retryable = read, message = message }
end

---Raises the error of an answer.
---@param request table method, path, what
---@param response table status, headers, body
---@param message string? instead of what the answer says
---@param known table? fields that are known already (a 403, by vault_auth.lua)
function M.raise(request, response, message, known)
  local fields = known
    or (message and { kind = READS[request.method] and "failed" or "unknown", message = message })
    or fields_for(request, response)
  fields.module, fields.op, fields.code = "vault", request.method, response.status
  fields.message = ("Vault: %s: %s"):format(request.what, fields.message)
  fields.retry_after = tonumber(response.headers["retry-after"])
  errors.raise(fields)
end

--- The `errors` of an answer on one line.
M.text_of = text_of

return M
