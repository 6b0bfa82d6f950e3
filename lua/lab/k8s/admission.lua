--- Admission policies of the real API server, as far as o2x policy uses their language: ==, in, startsWith, &&, ||,
--- parentheses, texts, lists of texts, and the fields of `request`. Anything else does not compile, as there.
local status = require "lab.k8s.status"
local value = require "lab.k8s.value"

local M = {}

local GROUP <const> = "admissionregistration.k8s.io"
local DENIED <const> = "%s %q is forbidden: ValidatingAdmissionPolicy '%s' with binding '%s' denied request: %s"
local OPERATIONS <const> = { POST = "CREATE", PUT = "UPDATE", PATCH = "UPDATE", DELETE = "DELETE" }

-- ---- the language ----

local Parser = {}
Parser.__index = Parser

--- Skips a text, if it is next.
---@param text string
---@return boolean
function Parser:skip(text)
  local from, to = self.text:find("^%s*" .. text:gsub("%p", "%%%0"), self.at)
  if from then self.at = to + 1 end
  return from ~= nil
end

--- Takes what a Lua pattern captures, if it is next.
---@param pattern string
---@return string?
function Parser:take(pattern)
  local found, to = self.text:match("^%s*" .. pattern .. "()", self.at)
  if found then self.at = to end
  return found
end

--- Ends the evaluation: the expression does not compile.
function Parser:fail()
  error({ syntax = "ERROR: undeclared reference or syntax near " .. self.text:sub(self.at, self.at + 30) }, 0)
end

--- What must be there.
---@param what any
---@return any
function Parser:must(what)
  if what == nil or what == false then self:fail() end
  return what
end

--- A list of texts.
---@return string[]
function Parser:list()
  local items = {}
  self:must(self:skip "[")
  while not self:skip "]" do
    items[#items + 1] = self:must(self:take "'([^']*)'")
    self:skip ","
  end
  return items
end

local function has(list, wanted)
  for _, item in ipairs(list) do
    if item == wanted then return true end
  end
  return false
end

--- A comparison, or an expression in parentheses.
---@return boolean
function Parser:comparison()
  if self:skip "(" then
    local inner = self:either()
    self:must(self:skip ")")
    return inner
  end
  if self:take "(false)%f[%W]" then return false end
  local path = self:must(self:take "(request[%w.]*)")
  local is_start
  path, is_start = path:gsub("%.startsWith$", "")
  local subject = self.request
  for part in path:gmatch "%.(%w+)" do
    subject = self:must(type(subject) == "table" and subject[part])
  end
  if is_start > 0 then
    local prefix = self:must(self:take "%('([^']*)'%)")
    return subject:sub(1, #prefix) == prefix
  end
  if self:skip "==" then return subject == self:must(self:take "'([^']*)'") end
  self:must(self:take "(in)%s")
  return has(self:list(), subject)
end

--- Comparisons joined by &&.
---@return boolean
function Parser:both()
  local result = self:comparison()
  while self:skip "&&" do
    local right = self:comparison()
    result = result and right
  end
  return result
end

--- Expressions joined by ||.
---@return boolean
function Parser:either()
  local result = self:both()
  while self:skip "||" do
    local right = self:both()
    result = result or right
  end
  return result
end

--- Evaluates an expression.
---@param text string
---@param request table name, operation, resource = { resource, group }, userInfo = { username }
---@return boolean? result nil: the expression does not compile
---@return string? problem
function M.evaluate(text, request)
  local parser = setmetatable({ text = text, at = 1, request = request }, Parser)
  local ok, result = pcall(function()
    local result = parser:either()
    parser:must(not parser.text:find("%S", parser.at))
    return result
  end)
  if ok then return result end
  if type(result) == "table" and result.syntax then return nil, result.syntax end
  error(result, 0)
end

-- ---- requests ----

local function matches_rules(spec, request)
  for _, rule in ipairs(value.get(spec, "matchConstraints", "resourceRules") or {}) do
    local function any(list, wanted) return has(list or {}, "*") or has(list or {}, wanted) end
    local matched = any(rule.apiGroups, request.resource.group)
      and any(rule.operations, request.operation)
      and any(rule.resources, request.resource.resource)
    if matched then return true end
  end
  return false
end

local function concerns(spec, request)
  if not matches_rules(spec, request) then return false end
  for _, condition in ipairs(spec.matchConditions or {}) do
    if M.evaluate(condition.expression, request) == false then return false end
  end
  return true
end

local function objection(spec, request)
  for _, validation in ipairs(spec.validations or {}) do
    local result, problem = M.evaluate(validation.expression, request)
    if not result then return problem or validation.message or "failed expression: " .. validation.expression end
  end
end

--- What admission policies say against a request that writes an object.
---@param api table
---@param user table of rbac.user
---@param method string
---@param target lab.k8s.Target
---@param name string? of a new object
---@return integer? status nil: nothing
---@return table? body
function M.check(api, user, method, target, name)
  local operation = OPERATIONS[method]
  if user.all or not operation or target.sub then return nil end
  local request = {
    name = target.name or name or "",
    operation = operation,
    resource = { resource = target.kind.resource, group = target.kind.group },
    userInfo = { username = user.username },
  }
  for _, binding in ipairs(api.store:list(GROUP .. "/validatingadmissionpolicybindings")) do
    local policy = api.store:get(GROUP .. "/validatingadmissionpolicies", nil, binding.spec.policyName)
    local problem = policy and concerns(policy.spec, request) and objection(policy.spec, request)
    if problem then
      local message =
        DENIED:format(target.kind.qualified, request.name, policy.metadata.name, binding.metadata.name, problem)
      local details = { name = request.name, group = target.kind.group, kind = target.kind.resource }
      details.causes = { { message = problem } }
      return status.failure(422, "Invalid", message, details)
    end
  end
end

return M
