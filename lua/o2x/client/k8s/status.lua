--- Turns an error answer of the API server into one error object.

local errors = require "o2x.base.error"
local json = require "o2x.base.json"
local retry = require "o2x.base.retry"
local retry_rules = require "o2x.base.retry_rules"
local secret = require "o2x.base.secret"
local shape = require "o2x.base.shape"

local M = {}

-- The operations of the client that only read.
local READS <const> = { discover = true, get = true, list = true, logs = true, watch = true }

local function retry_after(response, status)
  local seconds = retry_rules.retry_after(response.headers) or status.details and status.details.retryAfterSeconds
  return seconds and math.min(seconds, retry.longest_retry_after) or nil
end

-- 'conflict with "kubectl" using v1' for each field -> 'field .spec.replicas belongs to "kubectl"; …'
-- and the managers.
local function conflict_text(what, status)
  local parts, managers = {}, {}
  for _, cause in ipairs(status.details and status.details.causes or {}) do
    if cause.reason == "FieldManagerConflict" then
      local manager = cause.message:match('"([^"]+)"') or cause.message
      parts[#parts + 1], managers[#managers + 1] = ("%s belongs to %s"):format(cause.field, manager), manager
    end
  end
  if #parts == 0 then return nil end
  return ("%s: fields are owned by another manager: %s"):format(what, table.concat(parts, "; ")), managers
end

local function invalid_text(what, status)
  local parts = {}
  for _, cause in ipairs(status.details and status.details.causes or {}) do
    parts[#parts + 1] = cause.field and cause.field ~= "" and cause.field .. ": " .. cause.message or cause.message
  end
  local why = #parts > 0 and table.concat(parts, "; ") or status.message or "rejected by the server"
  return what .. " is invalid: " .. why
end

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

-- What the server says, in one line; what to do; the managers of fields in conflict.
local function text_of(what, response, status, means)
  local code = response.status
  if code == 409 then
    local conflict, managers = conflict_text(what, status)
    if conflict then return conflict, "leave these fields out, or apply with force", managers end
  end
  if code == 422 then return invalid_text(what, status) end
  if status.message then return ("%s: %s"):format(what, status.message) end
  return ("%s: the API server answered %d%s"):format(what, code, means and ": " .. means or "")
end

--- Turns an answer that is not a success into an error.
---@param what string what was asked, for people: "Deployment newclient-service-sso"
---@param response table status, headers, body
---@param op string get, apply …
---@param reads boolean? whether a request of another kind only reads
---@return table error with `managers` if other managers own fields that were applied
function M.error(what, response, op, reads)
  local status, code = read_status(response), response.status
  local mood = { status = code, code = status.reason, text = status.message }
  local fields, means = retry_rules.judge("kubernetes", mood, reads or READS[op] or false)
  fields = fields or { kind = "failed", retryable = false }
  local message, hint, managers = text_of(what, response, status, means)
  fields.module, fields.op, fields.code, fields.reason = "k8s", op, code, status.reason
  fields.message, fields.hint = message, hint or fields.hint
  fields.retry_after, fields.managers = retry_after(response, status), managers
  return errors.new(fields)
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
