--- Commands of kubectl that do, or show, what the effects of o2x.k8s do and read, for people.

local shell = require "o2x.base.shell"
local yaml = require "o2x.base.yaml"

local M = {}

local SECONDS <const> = 300 -- until a workload is ready

local ROLLED_OUT <const> = { deployment = true, statefulset = true, daemonset = true }

-- "deployments.apps" is understood whatever else is called Deployment.
local function resource(target)
  local group = (target.api_version or ""):match "^(.*)/[^/]*$"
  return target.kind:lower() .. (group and "." .. group or "")
end

local function words_of(verb, target, ...)
  local words = { "kubectl", verb, resource(target), target.name }
  if target.namespace then table.move({ "-n", target.namespace }, 1, 2, #words + 1, words) end
  return table.move({ ... }, 1, select("#", ...), #words + 1, words)
end

-- A command that reads an object: as people write it, or, if jq has to fill in variables, as JSON.
local function reading(wanted, command)
  local text = yaml.encode(wanted)
  if shell.has_variable(text) or not shell.is_printable(text) then return shell.with_json(wanted, command) end
  return shell.heredoc(command, text)
end

---@alias o2x.k8s.target { kind: string, api_version: string?, name: string, namespace: string? }

--- Shows an object.
---@param target o2x.k8s.target
---@return string line
function M.get(target) return shell.command(words_of("get", target, "-o", "yaml")) end

--- Shows an object without what is secret in it.
---@param target o2x.k8s.target
---@return string line
function M.describe(target) return shell.command(words_of("describe", target)) end

--- Deletes an object.
---@param target o2x.k8s.target
---@return string line
function M.delete(target) return shell.command(words_of("delete", target, "--ignore-not-found")) end

--- Creates an object.
---@param wanted table may have variables
---@return string lines
function M.create(wanted) return reading(wanted, "kubectl create -f -") end

--- Applies the fields of an object, server-side.
---@param wanted table may have variables
---@param manager string whose fields they are
---@param force boolean? also those that belong to others
---@return string lines
function M.apply(wanted, manager, force)
  local words = { "kubectl", "apply", "--server-side", "--field-manager=" .. manager }
  if force then words[#words + 1] = "--force-conflicts" end
  return reading(wanted, shell.command(words) .. " -f -")
end

--- Sets fields of an object.
---@param target o2x.k8s.target
---@param patch table a merge patch; may have variables
---@return string lines
function M.patch(target, patch)
  return reading(patch, shell.command(words_of("patch", target, "--type=merge")) .. " --patch-file=/dev/stdin")
end

--- Sets the number of replicas.
---@param target o2x.k8s.target
---@param count integer
---@return string line
function M.scale(target, count) return shell.command(words_of("scale", target, "--replicas=" .. count)) end

--- Waits until an object is ready.
---@param kind string
---@param name string
---@param namespace string?
---@param seconds number?
---@return string line
function M.rollout(kind, name, namespace, seconds)
  local words = { "kubectl", "wait", "--for=condition=" .. (kind == "Job" and "complete" or "Ready") }
  if ROLLED_OUT[kind:lower()] then words = { "kubectl", "rollout", "status" } end
  local rest = { kind:lower() .. "/" .. name, "-n", namespace or "default" }
  rest[#rest + 1] = ("--timeout=%ds"):format(math.ceil(seconds or SECONDS))
  return shell.command(table.move(rest, 1, #rest, #words + 1, words))
end

--- Lists objects.
---@param kind string
---@param namespace string?
---@param selector string?
---@return string line
function M.list(kind, namespace, selector)
  local words = { "kubectl", "get", kind:lower() }
  if namespace then table.move({ "-n", namespace }, 1, 2, #words + 1, words) end
  if selector then table.move({ "-l", selector }, 1, 2, #words + 1, words) end
  return shell.command(words)
end

--- The path of a request to a service through the API server's proxy, for kubectl's --raw.
---@param namespace string
---@param service string
---@param port integer|string
---@param path string with the query
---@return string
function M.raw(namespace, service, port, path)
  return ("/api/v1/namespaces/%s/services/http:%s:%s/proxy%s"):format(namespace, service, port, path)
end

return M
