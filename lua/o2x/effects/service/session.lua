--- Sessions with a service that issues tokens. A login is a request with an effect: a failed one counts against the
--- user. So a plan never logs in, and a password that was refused is not tried again. Part of o2x.service.

local by_hand = require "o2x.effects.service.by_hand"
local errors = require "o2x.base.error"
local frozen = require "o2x.base.frozen"
local leaks = require "o2x.base.leaks"
local requests = require "o2x.effects.service.requests"
local secret = require "o2x.base.secret"
local semaphore = require "o2x.base.semaphore"
local shell = require "o2x.base.shell"

local M = {}

-- The fields of a session beside those of its login.
local FIELDS <const> = { "token", "refused" }

local Session = {}
Session.__index = Session

-- The variable of the token, which a login sets.
local function token_by_hand(self)
  local login = requests.check(self.ctx, self.options, "login", FIELDS)
  if type(login.json) == "function" then login.json = login.json() end
  local name = by_hand.name(login.service or "session") .. "_TOKEN"
  return self.ctx:variable(name, by_hand.picked(self.ctx, login, self.options.token))
end

-- Only who made the session knows where the password came from, and what gives another one.
local function refuse(login, response, hint)
  local ok, problem = pcall(requests.fail, login, response, "log in")
  if not ok and errors.is(problem) and problem.kind == "unauthorised" then errors.amend(problem, { hint = hint }) end
  error(problem, 0)
end

local function log_in(self)
  local ctx, options = self.ctx, self.options
  local login = requests.check(ctx, options, "login", FIELDS)
  ctx:look(function() return { "test -n " .. shell.quote(token_by_hand(self)) } end)
  ctx:announce("service:write", ("log in: POST %s"):format(login.to))
  if type(options.json) == "function" then
    login.json = options.json()
    leaks.check(login.json, { what = "the login of " .. login.to, secrets = true, stored = true })
  end
  local response = requests.send(ctx, login)
  local value = response.status < 300 and type(response.json) == "table" and requests.pick(response.json, options.token)
  if type(value) ~= "string" then refuse(login, response, options.refused) end
  return secret.new(value, "token of " .. login.to)
end

--- The token, from a login at its first use.
---@return userdata secret
function Session:token()
  return self.gate:run(function()
    if self.value then return self.value end
    if self.problem then error(self.problem, 0) end
    local ok, result = xpcall(log_in, errors.handler, self)
    if ok then
      self.value = result
      return result
    end
    local problem = errors.wrap(result)
    if problem.kind == "unauthorised" or problem.kind == "failed" then self.problem = problem end
    error(problem, 0)
  end)
end

--- Drops a token that the service does not take any more.
function Session:forget() self.value = nil end

--- A session, as scripts hold it: it can log in, and be used in requests. The token stays out of their reach.
---@param ctx table
---@param options table service, port, path or url; json: a table, or a function that gives one; token, refused
---@return table handle
function M.new(ctx, options)
  if type(options) ~= "table" or type(options.token) ~= "string" then
    errors.input "service.session: token must say where the answer has the token"
  end
  requests.check(ctx, options, "login", FIELDS)
  local self = setmetatable({ ctx = ctx, options = options, gate = semaphore.new(1) }, Session)
  local handle = frozen.handle(setmetatable({}, {
    __metatable = false,
    __index = { login = function() self:token() end },
    __newindex = function() error("a session is read-only", 2) end,
  }))
  -- Functions only: a request is searched for secrets, and this session leads to all that the run knows.
  requests.add_session(handle, {
    token = function() return self:token() end,
    forget = function() self:forget() end,
    by_hand = function() return token_by_hand(self) end,
  })
  return handle
end

return M
