--- Subresources: scale, log, eviction, token, the proxy of services.
local body = require "lab.k8s.body"
local json = require "o2x.base.json"
local logs = require "lab.k8s.logs"
local deletion = require "lab.k8s.deletion"
local objects = require "lab.k8s.objects"
local patch = require "lab.k8s.patch"
local proxy = require "lab.k8s.proxy"
local selector = require "lab.k8s.selector"
local rbac = require "lab.k8s.rbac"
local status = require "lab.k8s.status"
local value = require "lab.k8s.value"

local M = {}

local function scale_of(object)
  local replicas, current = object.spec.replicas or 0, value.get(object, "status", "replicas") or 0
  local meta = object.metadata
  return {
    kind = "Scale",
    apiVersion = "autoscaling/v1",
    metadata = {
      name = meta.name,
      namespace = meta.namespace,
      uid = meta.uid,
      resourceVersion = meta.resourceVersion,
      creationTimestamp = meta.creationTimestamp,
    },
    spec = { replicas = replicas ~= 0 and replicas or nil },
    status = { replicas = current, selector = selector.text(object.spec.selector) },
  }
end

-- the number of replicas in a request
local function decode_scale(req, live)
  local given, code, problem = body.decode(req)
  if not given then return nil, code, problem end
  if req.method == "PUT" then return given end
  local current = scale_of(live)
  if (req.headers["content-type"] or ""):find("json-patch", 1, true) then
    local result, message = patch.json(current, given)
    if not result then return nil, status.failure(422, "Invalid", message, {}) end
    return result
  end
  return patch.merge(current, given)
end

local NOT_A_NUMBER <const> = "json: cannot unmarshal %s into Go struct field ScaleSpec.spec.replicas of type int32"

local function wrong_scale(requested, name)
  local replicas = value.get(requested, "spec", "replicas") or 0
  if math.type(replicas) ~= "integer" then
    local message = ("Invalid value: %s: %s"):format(
      json.encode(json.encode(requested)),
      NOT_A_NUMBER:format(type(replicas))
    )
    local cause = { reason = "FieldValueInvalid", field = "patch", message = message }
    return status.invalid({ group = "", kind = "" }, "", { cause })
  elseif replicas < 0 then
    local message = ("Invalid value: %d: must be greater than or equal to 0"):format(replicas)
    local cause = { reason = "FieldValueInvalid", field = "spec.replicas", message = message }
    return status.invalid({ group = "autoscaling", kind = "Scale" }, name, { cause })
  end
end

local function scale(api, req, target)
  local live = api.store:get(target.kind.store, target.namespace, target.name)
  if not live then return body.answer(status.not_found(target.kind, target.name)) end
  if req.method == "GET" then return body.answer(200, scale_of(live)) end
  local requested, code, problem = decode_scale(req, live)
  if not requested then return body.answer(code, problem) end
  local wrong, why = wrong_scale(requested, target.name)
  if wrong then return body.answer(wrong, why) end
  local object = value.copy(live)
  object.spec.replicas = value.get(requested, "spec", "replicas") or 0
  object.metadata.resourceVersion = value.get(requested, "metadata", "resourceVersion")
  local manager = req.query.fieldManager or (req.headers["user-agent"] or "unknown"):match("^[^/]*")
  code, object = objects.update(
    api.store,
    target.kind,
    target.namespace,
    target.name,
    object,
    { manager = manager, subresource = "scale", dry = req.query.dryRun == "All" }
  )
  return body.answer(code, code == 200 and scale_of(object) or object)
end

-- a disruption budget that the eviction of the pod would violate
local function budget_against(api, target)
  local pod = api.store:get("/pods", target.namespace, target.name)
  for _, budget in ipairs(pod and api.store:list("policy/poddisruptionbudgets", target.namespace) or {}) do
    if
      selector.matches(selector.from_object(budget.spec.selector), pod.metadata.labels)
      and (value.get(budget, "status", "disruptionsAllowed") or 0) < 1
    then
      return budget
    end
  end
end

local function eviction(api, _, target)
  local budget = budget_against(api, target)
  if budget then
    local needs = ("The disruption budget %s needs %d healthy pods and has %d currently"):format(
      budget.metadata.name,
      budget.status.desiredHealthy,
      budget.status.currentHealthy
    )
    return body.answer(
      status.failure(
        429,
        "TooManyRequests",
        "Cannot evict pod as it would violate the pod's " .. "disruption budget.",
        { causes = { { reason = "DisruptionBudget", message = needs } } }
      )
    )
  end
  local code, problem = deletion.delete(api.store, target.kind, target.namespace, target.name, {})
  if code ~= 200 then return body.answer(code, problem) end
  return body.answer(201, { kind = "Status", apiVersion = "v1", metadata = {}, status = "Success" })
end

local SHORTEST_TOKEN <const> = 600 -- seconds

local function token(api, req, target)
  if not api.store:get("/serviceaccounts", target.namespace, target.name) then
    return body.answer(status.not_found(target.kind, target.name))
  end
  local wanted = body.decode(req, target.kind) or {}
  local seconds = value.get(wanted, "spec", "expirationSeconds")
  if tonumber(seconds) and tonumber(seconds) < SHORTEST_TOKEN then
    local message = ("Invalid value: %d: may not specify a duration less than 10 minutes"):format(seconds)
    local cause = { reason = "FieldValueInvalid", field = "spec.expirationSeconds", message = message }
    return body.answer(status.invalid({ group = "authentication.k8s.io", kind = "TokenRequest" }, "", { cause }))
  end
  local issued, expires = rbac.issue(api, target.namespace, target.name, tonumber(seconds))
  return body.answer(201, {
    kind = "TokenRequest",
    apiVersion = "authentication.k8s.io/v1",
    metadata = { name = target.name, namespace = target.namespace },
    status = { token = issued, expirationTimestamp = value.time(expires) },
  })
end

-- the lab's pods are not processes: exec, attach and port-forward are impossible
local function interactive(_, _, target)
  return body.answer(
    status.failure(
      501,
      "NotImplemented",
      (
        "the lab's pods cannot %s; use the API server's proxy "
        .. "(kubectl get --raw /api/v1/namespaces/NS/services/NAME:PORT/proxy/PATH)"
      ):format(target.sub)
    )
  )
end

local INTERACTIVE = { exec = true, attach = true, portforward = true }

local HANDLERS = {
  scale = { GET = scale, PUT = scale, PATCH = scale },
  log = { GET = logs.handle },
  eviction = { POST = eviction },
  token = { POST = token },
}

--- Handles a request for a subresource.
---@param api table
---@param req table
---@param target lab.k8s.Target
---@return integer? status
---@return table? headers
---@return string? body
function M.handle(api, req, target)
  if target.sub == "proxy" and target.kind.store == "/services" then return proxy.handle(api, req, target) end
  if INTERACTIVE[target.sub] and target.kind.store == "/pods" then return interactive(api, req, target) end
  local subresource = target.sub == "scale" and target.kind.scale or (target.kind.extra or {})[target.sub]
  local handler = subresource and HANDLERS[target.sub] and HANDLERS[target.sub][req.method]
  if handler then return handler(api, req, target) end
  return body.answer(status.failure(404, "NotFound", "the server could not find the requested resource", {}))
end

return M
