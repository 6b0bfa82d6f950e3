--- Turns Vault's error answers into error objects, and decides whether the request may be retried.

local errors = require "o2x.base.error"
local http = require "o2x.client.http"
local json = require "o2x.base.json"
local retry_rules = require "o2x.base.retry_rules"

local M = {}

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

local function bad_request(text)
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
  [404] = function(text)
    return {
      kind = "failed",
      message = text ~= "" and text or "not found",
      hint = "check vault.mount; Vault also answers this if the token has no permission",
    }
  end,
}

-- Answers that a proxy gives, or Vault for many reasons: people look for their number.
local GENERAL <const> = { [500] = true, [502] = true, [504] = true }

-- What the rules say of an answer, in one line.
local function by_rules(request, response, text)
  local mood = { status = response.status, text = text }
  local fields, means = retry_rules.judge("vault", mood, http.is_read(request))
  if not fields then return nil end
  fields.message = means
  if response.status < 400 then
    fields.message = ("%s to %s"):format(means, response.headers.location or "another server")
  elseif GENERAL[response.status] then
    fields.message = ("status %d: %s"):format(response.status, text ~= "" and text or means)
  elseif text ~= "" and text ~= means then
    fields.message = ("%s (%s)"):format(means, text)
  end
  return fields
end

local function fields_for(request, response)
  local text = text_of(response)
  local fields = by_rules(request, response, text)
  if fields then return fields end
  local known = BY_STATUS[response.status]
  if known then return known(text) end
  return { kind = "failed", message = ("status %d%s"):format(response.status, text ~= "" and ": " .. text or "") }
end

---Raises the error of an answer.
---@param request table method, path, what
---@param response table status, headers, body
---@param message string? instead of what the answer says
---@param known table? fields that are known already (a 403, by vault_auth.lua)
function M.raise(request, response, message, known)
  local fields = known
    or (message and { kind = http.is_read(request) and "failed" or "unknown", message = message })
    or fields_for(request, response)
  fields.module, fields.op, fields.code = "vault", request.method, response.status
  fields.message = ("Vault: %s: %s"):format(request.what, fields.message)
  fields.retry_after = retry_rules.retry_after(response.headers)
  errors.raise(fields)
end

--- The `errors` of an answer on one line.
M.text_of = text_of

return M
