--- What of the roles that o2x policy prints the API server does not let us do, and which kinds it does not have.
---
--- One request a namespace asks for all rules that hold for us there. Where the server says that the list is not all,
--- because something else than roles decides, each right that is not in it is asked for by itself.

local errors = require "o2x.base.error"
local json = require "o2x.base.json"
local objects = require "o2x.policy.kubernetes"
local task = require "o2x.base.task"

local M = {}

local AUTHORIZATION <const> = "/apis/authorization.k8s.io/v1/"
local AT_ONCE <const> = 16

--- Asks a question that a POST carries and that changes nothing.
---@param client table
---@param path string
---@param body table
---@param timeout number? seconds
---@return integer status
---@return table answer
function M.ask(client, path, body, timeout)
  local ok, answer = xpcall(client.request_once, errors.handler, client, "POST", path, {
    body = json.encode(body),
    content_type = "application/json",
    reads = true,
    timeout = timeout,
  })
  if not ok then
    local said = ("Kubernetes at %s: %s"):format(client.config.server, answer.message)
    error(errors.amend(answer, { message = said }), 0)
  end
  local is_json, decoded = pcall(json.read, answer.body)
  return answer.status, is_json and type(decoded) == "table" and decoded or {}
end

local function words(text)
  local found = {}
  for word in text:gmatch "[^%s,]+" do
    found[word] = true
  end
  return found
end

-- "get,create own services/proxy" → { verbs, resources, own }
local function decoded(needs)
  local list = {}
  for i, text in ipairs(needs) do
    local verbs, own, resources = text:match "^(%S+) (o?w?n? ?)(%S+)$"
    list[i] = { verbs = words(verbs), resources = words(resources), own = own ~= "" }
  end
  return list
end

local function is_needed(needs, verb, resource, is_own)
  for _, need in ipairs(needs or {}) do
    if need.verbs[verb] and need.resources[resource] and (is_own or not need.own) then return true end
  end
  return needs == nil
end

-- What is looked at only if it is there: a run needs no metrics server.
local OPTIONAL <const> = { ["metrics.k8s.io"] = true }

local function questions_of(role, needs, is_own, list, seen)
  for _, rule in ipairs(role.rules) do
    local is_asked = not needs or not OPTIONAL[rule.apiGroups[1]]
    for _, resource in ipairs(is_asked and rule.resources or {}) do
      for _, verb in ipairs(rule.verbs) do
        local base, part = resource:match "^([^/]+)/?(.*)$"
        local one = {
          namespace = role.metadata.namespace,
          group = rule.apiGroups[1],
          resource = base,
          subresource = part ~= "" and part or nil,
          verb = verb,
          name = rule.resourceNames and rule.resourceNames[1],
        }
        local key = table.concat({ one.namespace, one.group, resource, verb, one.name or "" }, " ")
        if not seen[key] and is_needed(needs, verb, resource, is_own) then
          seen[key], list[#list + 1] = true, one
        end
      end
    end
  end
end

-- One question for each verb and resource of the roles, each asked once.
local function questions(grants, needs)
  local list, seen = {}, {}
  for _, object in ipairs(objects.objects("o2x", grants)) do
    local is_own = object.metadata.namespace == grants.k8s.namespace
    if object.kind == "Role" then questions_of(object, needs, is_own, list, seen) end
  end
  return list
end

-- ---- may we ----

local function has(list, ...)
  for _, one in ipairs(type(list) == "table" and list or {}) do
    for _, wanted in ipairs { "*", ... } do
      if one == wanted then return true end
    end
  end
  return false
end

local function allows(rule, one)
  local resource = one.resource .. (one.subresource and "/" .. one.subresource or "")
  local names = type(rule.resourceNames) == "table" and rule.resourceNames or {}
  return has(rule.verbs, one.verb)
    and has(rule.apiGroups, one.group)
    and has(rule.resources, resource, one.subresource and "*/" .. one.subresource or nil)
    and (#names == 0 or one.name ~= nil and has(names, one.name))
end

local function is_allowed(rules, one)
  for _, rule in ipairs(rules) do
    if allows(rule, one) then return true end
  end
  return false
end

local function denied(client, one, timeout)
  local status, answer = M.ask(client, AUTHORIZATION .. "selfsubjectaccessreviews", {
    apiVersion = "authorization.k8s.io/v1",
    kind = "SelfSubjectAccessReview",
    spec = { resourceAttributes = one },
  }, timeout)
  return status < 300 and answer.status ~= nil and not answer.status.allowed
end

-- Namespace → the rules that hold for us there, and whether they are all.
local function rules_in(client, namespace, timeout)
  local status, answer = M.ask(client, AUTHORIZATION .. "selfsubjectrulesreviews", {
    apiVersion = "authorization.k8s.io/v1",
    kind = "SelfSubjectRulesReview",
    spec = { namespace = namespace },
  }, timeout)
  local said = status < 300 and type(answer.status) == "table" and answer.status or nil
  local rules = said and type(said.resourceRules) == "table" and said.resourceRules or {}
  return { rules = rules, all = said ~= nil and said.incomplete ~= true }
end

local function all_denied(client, asked, timeout)
  local spaces, names = {}, {}
  for _, one in ipairs(asked) do
    if not spaces[one.namespace] then
      spaces[one.namespace], names[#names + 1] = true, one.namespace
    end
  end
  local answers = task.each(names, function(name) return rules_in(client, name, timeout) end, { limit = AT_ONCE })
  for i, name in ipairs(names) do
    spaces[name] = answers[i]
  end
  return task.each(asked, function(one)
    local known = spaces[one.namespace]
    if is_allowed(known.rules, one) then return false end
    return known.all or denied(client, one, timeout)
  end, { limit = AT_ONCE })
end

-- ---- what is missing ----

local function add_denied(list, this, asked, no)
  local by_place, order = {}, {}
  for i, one in ipairs(asked) do
    if no[i] then
      local resource = one.resource .. (one.subresource and "/" .. one.subresource or "")
      local place = ("%s in %s"):format(resource, one.namespace)
      local found = by_place[place] or { verbs = {}, seen = {} }
      if not by_place[place] then
        by_place[place], order[#order + 1] = found, place
      end
      if not found.seen[one.verb] then
        found.seen[one.verb], found.verbs[#found.verbs + 1] = true, one.verb
      end
    end
  end
  local mend = ("o2x policy %s --system=kubernetes | kubectl apply -f -, by a cluster administrator"):format(
    this.tenant.name
  )
  for _, place in ipairs(order) do
    list[#list + 1] = { text = ("may not %s %s"):format(table.concat(by_place[place].verbs, ", "), place), mend = mend }
  end
end

-- Kinds of operators: the cluster may not have them.
local function add_kinds(list, client, asked)
  local kinds, seen = client:kinds(), {}
  for _, one in ipairs(asked) do
    local name = ("%s.%s"):format(one.resource, one.group)
    if one.group:find(".", 1, true) and not seen[name] then
      seen[name] = true
      if not kinds:find(name) then
        list[#list + 1] = {
          text = ("the cluster has no %s"):format(name),
          mend = ("install the operator that brings it; kubectl api-resources --api-group=%s shows it then"):format(
            one.group
          ),
          absent = true,
        }
      end
    end
  end
end

--- What is missing.
---@param this { client: function, grants: table, tenant: table, config: table, seconds: number? } seconds: of a
---  request, at most
---@param needs string[]? "get,create own services/proxy": what effect types need, own: in
---  the tenant's namespace only; nil: all that o2x policy grants
---@return { text: string, mend: string, absent: boolean? }[] absent: the cluster does not have it
function M.missing(this, needs)
  local client, list = this.client "k8s", {}
  local asked = questions(this.grants, needs and decoded(needs))
  add_denied(list, this, asked, all_denied(client, asked, this.seconds))
  add_kinds(list, client, asked)
  return list
end

return M
