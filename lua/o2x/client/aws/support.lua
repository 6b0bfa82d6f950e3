--- Shared by the AWS clients: signs requests, interprets errors, retries throttled requests.

local errors = require "o2x.base.error"
local retry_rules = require "o2x.base.retry_rules"
local task = require "o2x.base.task"
local xml = require "o2x.base.xml"

local M = {}

local TRIES <const>, LONGEST_PAUSE <const> = 6, 20
local KEYS_HINT <const> = "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and their IAM permissions"
local CLOCK_HINT <const> = "set this machine's clock: timedatectl status"
local RENEW_HINT <const> = "get new keys; o2x config explain names their source"

local EXPIRED <const> = { ExpiredToken = true, ExpiredTokenException = true, TokenRefreshRequired = true }
local SKEWED <const> = { RequestExpired = true, RequestTimeTooSkewed = true, RequestInTheFuture = true }

--- Seconds before a request is sent again for the first time.
M.PAUSE = 1

--- Signs a request for http.request with a client's keys.
---@param request table changed and given back
---@param options table credentials, or access_key, secret_key and session_token (each may be a secret); ca_file
---@param service string "rds"
---@param region string
---@return table request
function M.sign(request, options, service, region)
  local keys = options.credentials and options.credentials.get(options.credentials) or options
  request.headers = request.headers or {}
  request.headers["X-Amz-Security-Token"] = keys.session_token
  request.aws_sigv4 = ("aws:amz:%s:%s"):format(region, service)
  request.access_key, request.secret_key, request.module = keys.access_key, keys.secret_key, service
  request.ca_file = request.ca_file or options.ca_file
  return request
end

-- Route 53 names all that is wrong with a batch.
local function messages_of(root)
  local texts = {}
  for _, element in ipairs(root:find("Messages") or {}) do
    texts[#texts + 1] = element.text
  end
  return texts[1] and table.concat(texts, "; ")
end

--- What an answer says went wrong. A body that is not XML is not an error of its own.
---@param response http.response root: its parsed body, if somebody has parsed it
---@return string code
---@return string message
---@return xml.element? error
function M.problem(response)
  local ok, root = true, response.root
  if not root then
    ok, root = pcall(xml.parse, response.body or "")
  end
  local found = ok and (root:find("Error") or root)
  local message = ok and messages_of(root) or found and found:value("Message") or "no reason given"
  local code = found and found:value("Code") or ("HTTP %d"):format(response.status)
  return code, message:match("^%[(.*)%]$") or message, found or nil
end

-- What people are told instead of the service's own words, which assume that they know them.
local function words_of(code, message, credentials)
  if SKEWED[code] or message:find("^Signature expired") or message:find("^Signature not yet current") then
    return "this machine's clock and AWS's differ too much: " .. message, CLOCK_HINT
  elseif EXPIRED[code] then
    return "the keys have expired: " .. message, credentials and credentials:hint() or RENEW_HINT
  end
  local source = credentials and credentials:describe()
  return message, source and ("check the keys from %s and their IAM permissions"):format(source) or KEYS_HINT
end

-- By the name of the action, or the method.
local READING <const> = { "^Describe", "^List", "^Get", "^Head", "^GET$", "^HEAD$" }

local function only_reads(op)
  for _, pattern in ipairs(READING) do
    if op:find(pattern) then return true end
  end
  return false
end

local function judge(response, code, is_read)
  return retry_rules.judge("aws", { code = code, status = response.status }, is_read)
end

-- Was the request surely not carried out, and is it worth another try?
local function is_later(response, code)
  local rule = retry_rules.find("aws", { code = code, status = response.status })
  return rule ~= nil and rule.verdict == "later"
end

--- Raises an error answer.
---@param service string "rds": the module named in the error
---@param name string "RDS", as people call it
---@param what string that was asked for
---@param response http.response
---@param op string? of the error; `what` if absent
---@param credentials o2x.aws.credentials? who asked
function M.fail(service, name, what, response, op, credentials)
  local code, message = M.problem(response)
  local fields = judge(response, code, only_reads(op or what)) or { kind = "failed", retryable = false }
  local words, hint = words_of(code, message, credentials)
  if fields.kind == "unauthorised" then fields.hint = hint end
  fields.module, fields.op, fields.code, fields.status = service, op or what, code, response.status
  fields.message = ("%s: %s failed: %s (%s)"):format(name, what, words, code)
  errors.raise(fields)
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

-- For a time limit around it, whose error says why it waited; pausing: where that is kept.
local function waits_for(pausing, response, code)
  local fields = judge(response, code, true) or { kind = "unreachable" }
  fields.code, fields.status = code, response.status
  fields.message = ("%s (%s)"):format(select(2, M.problem(response)), code)
  pausing.why = errors.new(fields)
end

--- Sends a request and retries while the service throttles it. Network failures are left to the run, which knows
--- whether the request may be sent twice. Exponential backoff with jitter, so that throttled clients do not all come
--- back at once. Keys that have expired on the way are fetched again, once.
---@param send fun(): http.response signs and sends
---@param pause number seconds before the second attempt
---@param credentials o2x.aws.credentials? who asks
---@return http.response
function M.send(send, pause, credentials)
  local try, renewed, pausing = 1, false, task.context().pausing or {}
  while true do
    local response = send()
    if response.status < 300 then
      if try > 1 then pausing.why = nil end
      return response
    end
    local code = M.problem(response)
    if EXPIRED[code] and credentials and not renewed and credentials:expire() then
      renewed = true
    elseif try == TRIES or not is_later(response, code) then
      return response
    else
      waits_for(pausing, response, code)
      local longest = math.min(LONGEST_PAUSE, pause * 2 ^ (try - 1))
      task.sleep(longest / 2 + math.random() * longest / 2)
      try = try + 1
    end
  end
end

return M
