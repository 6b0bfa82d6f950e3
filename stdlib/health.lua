--- Has a service come up? The gate between the waves of deploy and rollback.

local deploy = require "stdlib.deploy"
local k8s = require "o2x.k8s"
local naming = require "stdlib.naming"

local M = {}

local ENDPOINT = 60 -- seconds that a ready pod may take until its health endpoint says UP, at most

-- What says something of the service, and nothing of the way to it.
local TELLING = { failed = true, timeout = true, input = true, conflict = true }

--- Runs fn; a failure that is the service's own is a result. Others (no cluster, no permission) stay errors: the run
--- can be resumed when they are over.
---@param fn function
---@param ... any arguments of fn
---@return { ok: boolean, why: string? }
function M.try(fn, ...)
  local ok, problem = pcall(fn, ...)
  if ok then return { ok = true } end
  if type(problem) ~= "table" or not TELLING[problem.kind] then error(problem, 0) end
  return { ok = false, why = tostring(problem), details = problem.details }
end

local function is_up(tenant, service)
  local ok, problem = pcall(deploy.healthy, tenant, service)
  return ok, not ok and tostring(problem) or nil
end

--- Waits until a service's pods are ready and its health endpoint says UP.
---@param tenant table
---@param service string
---@param timeout integer seconds
---@return { ok: boolean, why: string? }
function M.wait(tenant, service, timeout)
  return M.try(function()
    k8s.wait_ready("Deployment", naming.resource(tenant, service), timeout, tenant.namespace)
    wait_until(service .. " is healthy", math.min(timeout, ENDPOINT), is_up, tenant, service)
  end)
end

return M
