--- Kubernetes: who we are to the API server, what we may not do there, credential plugins, its certificate, helm.

local certificate = require "o2x.doctor.certificate"
local clocks = require "o2x.doctor.clocks"
local errors = require "o2x.base.error"
local json = require "o2x.base.json"
local objects = require "o2x.policy.kubernetes"
local proc = require "o2x.base.proc"
local task = require "o2x.base.task"
local vault = require "o2x.doctor.vault"

local M = { name = "Kubernetes", from = { "k8s" } }

local AUTHORIZATION <const> = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
local WHO <const> = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
local AT_ONCE <const> = 16

-- Asks a question that a POST carries and that changes nothing.
local function review(client, path, body)
  local answer = client:request_once("POST", path, {
    body = json.encode(body),
    content_type = "application/json",
    reads = true,
    timeout = 5,
  })
  local ok, decoded = pcall(json.read, answer.body)
  return answer.status, ok and decoded or {}, answer
end

local function who(client)
  local status, answer = review(client, WHO, { apiVersion = "authentication.k8s.io/v1", kind = "SelfSubjectReview" })
  local user = status < 300 and answer.status and answer.status.userInfo
  return user and user.username
end

-- One question for each verb and resource of the roles that o2x policy prints, each asked once.
local function questions(this)
  local list, seen = {}, {}
  for _, object in ipairs(objects.objects("o2x", this.grants)) do
    for _, rule in ipairs(object.kind == "Role" and object.rules or {}) do
      for _, resource in ipairs(rule.resources) do
        for _, verb in ipairs(rule.verbs) do
          local base, part = resource:match "^([^/]+)/?(.*)$"
          local one = {
            namespace = object.metadata.namespace,
            group = rule.apiGroups[1],
            resource = base,
            subresource = part ~= "" and part or nil,
            verb = verb,
            name = rule.resourceNames and rule.resourceNames[1],
          }
          local key = table.concat({ one.namespace, one.group, resource, verb, one.name or "" }, " ")
          if not seen[key] then
            seen[key], list[#list + 1] = true, one
          end
        end
      end
    end
  end
  return list
end

local function denied(client, one)
  local status, answer = review(client, AUTHORIZATION, {
    apiVersion = "authorization.k8s.io/v1",
    kind = "SelfSubjectAccessReview",
    spec = { resourceAttributes = one },
  })
  return status < 300 and answer.status ~= nil and not answer.status.allowed
end

local function check_rights(note, client, this)
  local by_place, order = {}, {}
  local asked = questions(this)
  local no = task.each(asked, function(one) return denied(client, one) end, { limit = AT_ONCE })
  for i, one in ipairs(asked) do
    if no[i] then
      local place = ("%s in %s"):format(
        one.resource .. (one.subresource and "/" .. one.subresource or ""),
        one.namespace
      )
      if not by_place[place] then
        by_place[place], order[#order + 1] = { verbs = {}, seen = {} }, place
      end
      local found = by_place[place]
      if not found.seen[one.verb] then
        found.seen[one.verb], found.verbs[#found.verbs + 1] = true, one.verb
      end
    end
  end
  for _, place in ipairs(order) do
    note:finding(
      ("may not %s %s"):format(table.concat(by_place[place].verbs, ", "), place),
      ("o2x policy %s --system=kubernetes | kubectl apply -f -, by a cluster administrator"):format(this.tenant.name)
    )
  end
end

local function check_helm(note, config)
  local program = config.helm.command
  if not proc.exists(program) then
    return note:finding(("%s is not on PATH: releases need it"):format(program), "install helm 3: https://helm.sh")
  end
  local answer = proc.run { argv = { program, "version", "--short" }, timeout = 5 }
  local version = answer.stdout:match "v?(%d+%.%d+[%d.]*)"
  if not version then
    return note:finding(("%s version says nothing"):format(program), "install helm 3: https://helm.sh")
  end
  note:fact("helm %s", version)
  if version:match "^%d+" ~= "3" then note:finding(("helm %s is not helm 3"):format(version), "install helm 3") end
end

--- Checks the API server.
---@param this table of doctor.init
---@param note o2x.doctor.Note
function M.check(this, note)
  note:try(nil, check_helm, note, this.config)
  local config = this.client "kubeconfig"
  local client = this.client "k8s"
  local answer = client:request_once("GET", "/version", { timeout = this.seconds })
  if answer.status == 401 then
    return note:finding(
      ("%s rejects the credentials of context %s"):format(config.server, config.context),
      "kubectl config get-contexts; log in again as your cluster asks for it",
      4
    )
  end
  if answer.status ~= 200 then
    errors.raise { kind = "unreachable", message = ("%s answers HTTP %d"):format(config.server, answer.status) }
  end
  local ok, version = pcall(json.read, answer.body)
  note:fact("%s, context %s, %s", config.server, config.context, ok and version.gitVersion or "?")
  local name = who(client)
  if name then note:fact("as %s", name) end
  clocks.compare(note, clocks.of_header(answer.headers.date), config.server)
  local host, port, scheme = vault.host_and_port(config.server)
  if scheme == "https" then certificate.look(note, host, port) end
  check_rights(note, client, this)
end

return M
