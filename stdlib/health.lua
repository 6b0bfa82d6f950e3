--- Waits until a service is healthy: the gate between the waves of deploy and rollback.

local deploy = require "stdlib.deploy"
local k8s = require "o2x.k8s"
local naming = require "stdlib.naming"

local M = {}

local ENDPOINT <const> = 60 -- seconds at most from ready pods to a health endpoint that says UP

-- Kinds of errors that are about the service, not about the way to it.
local SERVICE_ERRORS = { failed = true, timeout = true, input = true, conflict = true }

--- Runs fn(...) and returns a failure of the service as a result. Other errors (no cluster, no permission) are raised:
--- the run can be resumed once they are fixed.
---@param fn function
---@param ... any arguments of fn
---@return { ok: boolean, why: string?, details: any } result
function M.try(fn, ...)
  local ok, problem = pcall(fn, ...)
  if ok then return { ok = true } end
  local is_ours = type(problem) == "table" and problem.module == "fs" -- as a disk of this machine that is full
  if type(problem) ~= "table" or is_ours or not SERVICE_ERRORS[problem.kind] then error(problem, 0) end
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
---@return { ok: boolean, why: string? } result not ok after the deadline
function M.wait(tenant, service, timeout)
  return M.try(function()
    k8s.wait_ready("Deployment", naming.resource(tenant, service), timeout, tenant.namespace)
    wait_until(service .. " is healthy", math.min(timeout, ENDPOINT), is_up, tenant, service)
  end)
end

return M
