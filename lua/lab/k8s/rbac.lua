--- Role-based access control as the real API server has it: the token of a service account may do what its roles allow.
--- The lab's own token may do everything.
local crypto = require "o2x.base.crypto"
local status = require "lab.k8s.status"
local value = require "lab.k8s.value"

local M = {}

local GROUP <const> = "rbac.authorization.k8s.io"
local LIFETIME <const> = 3600 -- seconds of a token, if the request does not say

-- ---- who ----

--- Issues a token for a service account.
---@param api table
---@param namespace string
---@param name string
---@param seconds number?
---@return string token
---@return number expires seconds since 1970
function M.issue(api, namespace, name, seconds)
  local token, expires = crypto.hex(crypto.random(24)), api.store.clock() + (seconds or LIFETIME)
  local tokens = api.settings.tokens or {}
  local username = ("system:serviceaccount:%s:%s"):format(namespace, name)
  tokens[token] = { namespace = namespace, name = name, username = username, expires = expires }
  api.settings.tokens = tokens
  api.store.save()
  return token, expires
end

--- Whose request it is.
---@param api table
---@param req httpd.request
---@return table? user all: may do everything; else namespace, name, username; nil if nobody's
function M.user(api, req)
  local token = (req.headers.authorization or ""):match "^Bearer (.+)$"
  if not api.token or token == api.token then return { all = true } end
  local account = token and (api.settings.tokens or {})[token]
  if not account or account.expires <= api.store.clock() then return nil end
  return api.store:get("/serviceaccounts", account.namespace, account.name) and account or nil
end

-- ---- what ----

local VERBS <const> = { GET = "get", POST = "create", PUT = "update", PATCH = "patch", DELETE = "delete" }

local function is_watch(query) return query.watch == "true" or query.watch == "1" end

-- The name that a list or watch is limited to by its field selector counts as the name of the request.
local function field_name(query) return (query.fieldSelector or ""):match "^metadata%.name=([^,!=]+)$" end

--- What a request asks for, in the terms of roles.
---@param req httpd.request
---@param target lab.k8s.Target
---@return table attributes verb, group, resource ("deployments/scale"), namespace, name
function M.attributes(req, target)
  local verb, name = VERBS[req.method], target.name
  if not name and verb == "get" then
    verb, name = is_watch(req.query) and "watch" or "list", field_name(req.query)
  elseif not name and verb == "delete" then
    verb = "deletecollection"
  end
  return {
    verb = verb,
    group = target.kind.group,
    resource = target.kind.resource .. (target.sub and "/" .. target.sub or ""),
    sub = target.sub,
    namespace = target.namespace,
    name = name,
  }
end

-- ---- may they ----

local function has(list, wanted)
  for _, one in ipairs(list or {}) do
    if one == "*" or one == wanted then return true end
  end
  return false
end

local function allows(rule, asked)
  return has(rule.verbs, asked.verb)
    and has(rule.apiGroups, asked.group)
    and (has(rule.resources, asked.resource) or asked.sub and has(rule.resources, "*/" .. asked.sub))
    and (#(rule.resourceNames or {}) == 0 or asked.name ~= nil and has(rule.resourceNames, asked.name))
end

local function is_subject(subject, binding, user)
  if subject.kind == "ServiceAccount" then
    return subject.name == user.name and (subject.namespace or binding.metadata.namespace) == user.namespace
  elseif subject.kind == "User" then
    return subject.name == user.username
  end
  return subject.kind == "Group"
    and (subject.name == "system:serviceaccounts" or subject.name == "system:serviceaccounts:" .. user.namespace)
end

local function is_bound(binding, user)
  for _, subject in ipairs(binding.subjects or {}) do
    if is_subject(subject, binding, user) then return true end
  end
  return false
end

local function rules_of(api, binding)
  local ref = binding.roleRef
  local place, namespace = GROUP .. "/clusterroles", nil
  if ref.kind == "Role" then
    place, namespace = GROUP .. "/roles", binding.metadata.namespace
  end
  local role = api.store:get(place, namespace, ref.name)
  return role and role.rules or {}
end

local function find(api, bindings, user, asked)
  for _, binding in ipairs(bindings) do
    for _, rule in ipairs(is_bound(binding, user) and rules_of(api, binding) or {}) do
      if allows(rule, asked) then return true end
    end
  end
  return false
end

--- May the user do that?
---@param api table
---@param user table of M.user
---@param asked table of M.attributes
---@return boolean
function M.allowed(api, user, asked)
  if user.all then return true end
  if find(api, api.store:list(GROUP .. "/clusterrolebindings"), user, asked) then return true end
  return asked.namespace ~= nil and find(api, api.store:list(GROUP .. "/rolebindings", asked.namespace), user, asked)
end

--- The answer to a request that is not allowed.
---@param user table
---@param asked table
---@param target lab.k8s.Target
---@return integer status
---@return table body
function M.forbidden(user, asked, target)
  local group = asked.group ~= "" and "." .. asked.group or ""
  local where = asked.namespace and (' in the namespace "%s"'):format(asked.namespace) or " at the cluster scope"
  local message = ('%s%s%s is forbidden: User "%s" cannot %s resource "%s" in API group "%s"%s'):format(
    target.kind.resource,
    group,
    asked.name and (' "%s"'):format(asked.name) or "",
    user.username,
    asked.verb,
    asked.resource,
    asked.group,
    where
  )
  return status.failure(403, "Forbidden", message, {
    name = asked.name,
    group = asked.group ~= "" and asked.group or nil,
    kind = target.kind.resource,
  })
end

local EVERYTHING <const> = { verbs = { "*" }, apiGroups = { "*" }, resources = { "*" } }

local function plain_rules(list)
  local found = value.array {}
  for i, rule in ipairs(list) do
    found[i] = { verbs = rule.verbs, apiGroups = rule.apiGroups, resources = rule.resources }
    if #(rule.resourceNames or {}) > 0 then found[i].resourceNames = rule.resourceNames end
  end
  return found
end

--- The answer to a SelfSubjectRulesReview.
---@param api table
---@param user table
---@param review table
---@return table review with its status
function M.rules_review(api, user, review)
  local namespace, list = value.get(review, "spec", "namespace"), {}
  local bindings = api.store:list(GROUP .. "/clusterrolebindings")
  for _, place in ipairs { bindings, api.store:list(GROUP .. "/rolebindings", namespace) } do
    for _, binding in ipairs(user.all and {} or place) do
      for _, rule in ipairs(is_bound(binding, user) and rules_of(api, binding) or {}) do
        if rule.resources then list[#list + 1] = rule end
      end
    end
  end
  return value.merged(review, {
    status = {
      incomplete = false,
      resourceRules = plain_rules(user.all and { EVERYTHING } or list),
      nonResourceRules = value.array {},
    },
  })
end

--- The answer to a SelfSubjectAccessReview.
---@param api table
---@param user table
---@param review table
---@return table review with its status
function M.review(api, user, review)
  local wanted = value.get(review, "spec", "resourceAttributes") or {}
  local asked = {
    verb = wanted.verb,
    group = wanted.group or "",
    resource = (wanted.resource or "") .. (wanted.subresource and "/" .. wanted.subresource or ""),
    sub = wanted.subresource,
    namespace = wanted.namespace,
    name = wanted.name,
  }
  return value.merged(review, { status = { allowed = M.allowed(api, user, asked) } })
end

return M
