--- Shared by the AWS clients: signs requests, interprets errors, retries throttled requests.

local errors = require "o2x.base.error"
local task = require "o2x.base.task"
local xml = require "o2x.base.xml"

local M = {}

local TRIES <const>, LONGEST_PAUSE <const> = 6, 20
local KEYS_HINT <const> = "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and their IAM permissions"

-- Throttled or overloaded (some of these with status 400): nothing was done, so the request may be sent again.
local LATER <const> = {
  Throttling = true,
  ThrottlingException = true,
  RequestLimitExceeded = true,
  PriorRequestNotComplete = true,
  SlowDown = true,
  ServiceUnavailable = true,
  InternalError = true,
  InternalFailure = true,
  ["HTTP 503"] = true,
}
local UNAUTHORISED <const> = {
  AccessDenied = true,
  InvalidAccessKeyId = true,
  InvalidClientTokenId = true,
  InvalidToken = true,
  SignatureDoesNotMatch = true,
  MissingAuthenticationToken = true,
  IncompleteSignature = true,
  ExpiredToken = true,
  RequestExpired = true,
  RequestTimeTooSkewed = true,
  UnrecognizedClientException = true,
  AuthFailure = true,
  ["HTTP 403"] = true,
}

--- Seconds before a request is sent again for the first time.
M.PAUSE = 1

--- Signs a request for http.request with a client's keys.
---@param request table changed and given back
---@param options table access_key, secret_key, session_token (each may be a secret)
---@param service string "rds"
---@param region string
---@return table request
function M.sign(request, options, service, region)
  request.headers = request.headers or {}
  request.headers["X-Amz-Security-Token"] = options.session_token
  request.aws_sigv4 = ("aws:amz:%s:%s"):format(region, service)
  request.access_key, request.secret_key, request.module = options.access_key, options.secret_key, service
  return request
end

-- A body that is not XML is not an error of its own.
local function read_problem(response)
  local ok, root = pcall(xml.parse, response.body or "")
  local found = ok and (root:find("Error") or root)
  local messages = ok and root:find("Messages")
  local message = messages and messages:value("Message") or found and found:value("Message") or "no reason given"
  return found and found:value("Code") or ("HTTP %d"):format(response.status), message:match("^%[(.*)%]$") or message
end

--- Raises an error answer.
---@param service string "rds": the module named in the error
---@param name string "RDS", as people call it
---@param what string that was asked for
---@param response http.response
---@param op string? of the error; `what` if absent
function M.fail(service, name, what, response, op)
  local code, message = read_problem(response)
  local kind = UNAUTHORISED[code] and "unauthorised" or LATER[code] and "unreachable" or "failed"
  errors.raise {
    kind = kind,
    module = service,
    op = op or what,
    code = code,
    status = response.status,
    retryable = LATER[code] or response.status >= 500,
    hint = kind == "unauthorised" and KEYS_HINT or nil,
    message = ("%s: %s failed: %s (%s)"):format(name, what, message, code),
  }
end

--- The text of an element that an answer must have.
---@param element table
---@param what string whose answer it is
---@param ... string names of the elements on the way
---@return string
function M.need(element, what, ...)
  local text = element:value(...)
  if text then return text end
  errors.raise {
    kind = "failed",
    code = "shape",
    message = ("%s: unexpected answer: %s has no %s"):format(
      what,
      element.name or "an element",
      table.concat({ ... }, ".")
    ),
  }
end

--- An element that an answer must have, even if there is nothing in it: another document must not pass for an empty
--- list.
---@param element table
---@param what string whose answer it is
---@param name string
---@return table
function M.part(element, what, name)
  M.need(element, what, name)
  return element:find(name)
end

--- Sends a request and retries while the service throttles it. Network failures are left to the run, which knows
--- whether the request may be sent twice. Exponential backoff with jitter, so that throttled clients do not all come
--- back at once.
---@param send fun(): http.response
---@param pause number seconds before the second attempt
---@return http.response
function M.send(send, pause)
  for try = 1, TRIES do
    local response = send()
    if response.status < 300 or try == TRIES or not LATER[read_problem(response)] then return response end
    local longest = math.min(LONGEST_PAUSE, pause * 2 ^ (try - 1))
    task.sleep(longest / 2 + math.random() * longest / 2)
  end
end

return M
