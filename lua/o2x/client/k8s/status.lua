--- Turns an error answer of the API server into one error object.

local errors = require "o2x.base.error"
local json = require "o2x.base.json"
local secret = require "o2x.base.secret"
local shape = require "o2x.base.shape"

local M = {}

local MAX_RETRY_AFTER = 60

local function retry_after(response, status)
  local seconds = tonumber(response.headers["retry-after"] or status.details and status.details.retryAfterSeconds)
  return seconds and math.min(seconds, MAX_RETRY_AFTER) or nil
end

-- 'conflict with "kubectl" using v1' for each field -> 'field .spec.replicas belongs to "kubectl"; …'
local function conflict_text(what, status)
  local parts = {}
  for _, cause in ipairs(status.details and status.details.causes or {}) do
    if cause.reason == "FieldManagerConflict" then
      parts[#parts + 1] = ("%s belongs to %s"):format(cause.field, cause.message:match('"([^"]+)"') or cause.message)
    end
  end
  if #parts == 0 then return nil end
  return ("%s: fields are owned by another manager: %s"):format(what, table.concat(parts, "; "))
end

local function invalid_text(what, status)
  local parts = {}
  for _, cause in ipairs(status.details and status.details.causes or {}) do
    parts[#parts + 1] = cause.field and cause.field ~= "" and cause.field .. ": " .. cause.message or cause.message
  end
  local why = #parts > 0 and table.concat(parts, "; ") or status.message or "rejected by the server"
  return what .. " is invalid: " .. why
end

local KINDS = {
  [401] = "unauthorised",
  [403] = "unauthorised",
  [409] = "conflict",
  [429] = "unreachable",
  [504] = "unknown",
}

local HINTS = {
  [401] = "the kubeconfig's credentials are wrong or expired",
  [403] = "kubectl auth can-i --list shows what these credentials may do",
}

local STATUS <const> = {
  message = "string?",
  reason = "string?",
  details = {
    "?",
    retryAfterSeconds = "number?",
    causes = { "each?", { field = "string?", reason = "string?", message = "string" } },
  },
}

-- The Status object of an error answer; an empty one for the error page of a proxy or load balancer.
local function read_status(response)
  local ok, status
  if secret.is(response.body) then
    ok, status = pcall(json.decode_secret, response.body, "data")
  else
    ok, status = pcall(json.read, response.body)
  end
  local good = ok and type(status) == "table" and status.kind == "Status" and not shape.problem(status, STATUS)
  if good then return status end
  return {}
end

--- Turns an answer that is not a success into an error.
---@param what string what was asked, for people: "Deployment newclient-service-sso"
---@param response table status, headers, body
---@param op string get, apply …
---@return table error
function M.error(what, response, op)
  local status, code = read_status(response), response.status
  local message = status.message and ("%s: %s"):format(what, status.message)
    or ("%s: the API server answered %d"):format(what, code)
  local hint = HINTS[code]
  if code == 409 then
    local conflict = conflict_text(what, status)
    message, hint = conflict or message, conflict and "leave these fields out, or apply with force" or nil
  elseif code == 422 then
    message = invalid_text(what, status)
  end
  return errors.new {
    kind = KINDS[code] or (code >= 500 and "unreachable" or "failed"),
    module = "k8s",
    op = op,
    code = code,
    message = message,
    hint = hint,
    reason = status.reason,
    retry_after = retry_after(response, status),
    -- A rejected request may be retried; after an internal server error the write may have happened.
    retryable = code == 429 or code == 503 or (code == 500 and status.reason == "ServerTimeout") or nil,
  }
end

--- Returns a successful answer, raises an error for any other.
---@param what string
---@param response table
---@param op string
---@return table response
function M.check(what, response, op)
  if response.status >= 200 and response.status < 300 then return response end
  error(M.error(what, response, op), 0)
end

return M
