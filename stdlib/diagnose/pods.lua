--- "Service Won't Start" (guide: Troubleshooting 1), in the cluster: deployments, pods, releases, volume,
--- certificate, and resource usage.

local catalogue = require "stdlib.catalogue"
local clock = require "o2x.clock"
local cluster = require "stdlib.cluster"
local findings = require "stdlib.diagnose.findings"
local helm = require "o2x.helm"
local k8s = require "o2x.k8s"
local maintenance = require "stdlib.maintenance.status"
local naming = require "stdlib.naming"
local limits = require "stdlib.diagnose.limits"
local remedy = require "stdlib.remedy"

local M = {}

local HOUR, DAY = 3600, 86400
local FULL <const> = { cpu = 0.80, memory = 0.85 } -- share of the limit, as in the guide's alerts

-- Where somebody changed the Deployment by hand, the release still has what ran before. Otherwise an earlier revision
-- has it, if there is one.
local function back(tenant, service)
  local name = naming.resource(tenant, service)
  for _, place in ipairs(helm.drift(name, tenant.namespace)) do
    if place:find "^Deployment " then return remedy.deploy(tenant, service) end
  end
  return helm.previous(name, tenant.namespace) and remedy.rollback(tenant, service) or nil
end

local function more_memory(tenant, service)
  return {
    say = "raise resources.limits.memory in " .. naming.values_file(tenant.name, service),
    mend = remedy.deploy(tenant, service),
  }
end

-- ---- pods ----

local function last_event(pod)
  local events = k8s.events("Pod", pod.metadata.name, pod.metadata.namespace)
  for i = #events, 1, -1 do
    if events[i].type == "Warning" then return ("%s: %s"):format(events[i].reason, events[i].message) end
  end
end

-- The most useful line of a crashed container's log: the last one with a cause, otherwise the last one.
local function crash_line(pod)
  local ok, text =
    pcall(k8s.logs, pod.metadata.name, { tail = 50, previous = true, namespace = pod.metadata.namespace })
  local cause, last
  for line in (ok and text or ""):gmatch "[^\n]+" do
    last = line
    if line:find("Caused by", 1, true) or line:find("FATAL", 1, true) then cause = line end
  end
  return cause or last
end

local CANNOT_PULL = { ImagePullBackOff = true, ErrImagePull = true, InvalidImageName = true }
local MISSING = { CreateContainerConfigError = true, CreateContainerError = true }

local function waiting(found, tenant, service, pod, status)
  local state = status.state.waiting
  local describe = remedy.kubectl(tenant, "describe pod " .. pod.metadata.name)
  if state.reason == "CrashLoopBackOff" then
    local ended = status.lastState and status.lastState.terminated or {}
    findings.add(
      found,
      "critical",
      service,
      ("container keeps crashing (%s, %d restarts)"):format(
        ended.reason == "OOMKilled" and "out of memory" or "exit code " .. tostring(ended.exitCode),
        status.restartCount
      ),
      crash_line(pod) or state.message,
      {
        say = "correct the cause; after a deploy, go back to what ran before",
        mend = back(tenant, service),
        look = remedy.kubectl(tenant, ("logs %s --previous"):format(pod.metadata.name)),
      }
    )
  elseif CANNOT_PULL[state.reason] then
    findings.add(found, "critical", service, "image cannot be pulled: " .. tostring(status.image), state.message, {
      say = "correct the image or the registry's credentials; after a deploy, go back to what ran before",
      mend = back(tenant, service),
      look = describe,
    })
  elseif MISSING[state.reason] then
    findings.add(
      found,
      "critical",
      service,
      "container cannot be created: " .. tostring(state.message),
      last_event(pod),
      { mend = remedy.onboard(tenant), look = describe }
    )
  elseif state.reason ~= "ContainerCreating" and state.reason ~= "PodInitializing" then
    findings.add(
      found,
      "critical",
      service,
      "container is waiting: " .. tostring(state.reason),
      state.message,
      { look = describe }
    )
  end
end

local function restarts(found, tenant, service, pod, status)
  local ended = status.lastState and status.lastState.terminated
  if not ended then return end
  local recent = ended.finishedAt and clock.now() - clock.parse(ended.finishedAt) < HOUR
  if ended.reason == "OOMKilled" and recent then
    findings.add(
      found,
      "critical",
      service,
      "container was killed: out of memory",
      pod.metadata.name .. " at " .. ended.finishedAt,
      more_memory(tenant, service)
    )
  elseif status.restartCount > 3 and recent then
    findings.add(
      found,
      "critical",
      service,
      ("container restarted %d times"):format(status.restartCount),
      crash_line(pod) or pod.metadata.name,
      { look = remedy.kubectl(tenant, ("logs %s --previous"):format(pod.metadata.name)) }
    )
  end
end

local function unschedulable(pod)
  for _, condition in ipairs(pod.status.conditions or {}) do
    if condition.type == "PodScheduled" and condition.status == "False" then return condition.message end
  end
end

local function check_pod(found, tenant, service, pod)
  local problem = unschedulable(pod)
  if problem then
    findings.add(
      found,
      "critical",
      service,
      "pod cannot be scheduled",
      problem,
      { look = remedy.kubectl(tenant, "describe pod " .. pod.metadata.name) }
    )
  end
  for _, status in ipairs(pod.status.containerStatuses or {}) do
    if status.state and status.state.waiting then
      waiting(found, tenant, service, pod, status)
    else
      restarts(found, tenant, service, pod, status)
    end
  end
end

-- The pods of a deployment fail alike, so only the first failing one is reported.
local function pods_of(found, tenant, service, facts)
  local own, before = {}, #found.list
  for _, pod in ipairs(facts.pods) do
    if (pod.metadata.labels or {}).app == naming.resource(tenant, service) and not pod.metadata.deletionTimestamp then
      own[#own + 1] = pod
    end
  end
  for _, pod in ipairs(own) do
    check_pod(found, tenant, service, pod)
    if #found.list > before then break end
  end
  return #found.list > before
end

-- ---- deployments ----

-- An autoscaler does nothing for a workload that is scaled to 0; otherwise its own range counts.
local function has_autoscaler(deployment)
  local name, namespace = deployment.metadata.name, deployment.metadata.namespace
  for _, scaler in ipairs(k8s.list("HorizontalPodAutoscaler", { namespace = namespace })) do
    if scaler.spec.scaleTargetRef.name == name then return true end
  end
  return k8s.get("HorizontalPodAutoscaler", name, namespace) ~= nil -- made by hand, without the tenant's label
end

local function replicas(found, tenant, service, deployment, explained)
  local wanted, ready = deployment.spec.replicas or 1, deployment.status.readyReplicas or 0
  local min, max = table.unpack(catalogue.find(service).replicas)
  if deployment.spec.paused == true then
    local fix = { mend = remedy.kubectl(tenant, "rollout resume deployment/" .. deployment.metadata.name) }
    findings.add(found, "warning", service, "its rollout is paused: no change takes effect", "spec.paused: true", fix)
  end
  if wanted == 0 then
    findings.add(
      found,
      "critical",
      service,
      "is scaled to 0",
      "spec.replicas: 0",
      { mend = remedy.scale(tenant, service, min, has_autoscaler(deployment)) }
    )
  elseif wanted > max and not has_autoscaler(deployment) then
    findings.add(
      found,
      "warning",
      service,
      ("has more replicas than the catalogue's maximum of %d"):format(max),
      "spec.replicas: " .. wanted,
      { mend = remedy.scale(tenant, service, max) }
    )
  elseif ready < wanted and not explained then
    findings.add(
      found,
      ready == 0 and "critical" or "warning",
      service,
      ("%d of %d replicas are ready"):format(ready, wanted),
      "deployment " .. deployment.metadata.name,
      { look = remedy.kubectl(tenant, "describe deployment " .. deployment.metadata.name) }
    )
  elseif wanted < min and not has_autoscaler(deployment) then
    findings.add(
      found,
      "warning",
      service,
      ("has fewer replicas than the catalogue's minimum of %d"):format(min),
      "spec.replicas: " .. wanted,
      { mend = remedy.scale(tenant, service, min) }
    )
  end
end

local function deployments(found, tenant, facts)
  for _, service in ipairs(catalogue.names()) do
    local deployment = facts.deployments[naming.resource(tenant, service)]
    if not deployment then
      findings.add(
        found,
        "critical",
        service,
        "is not deployed",
        "no deployment " .. naming.resource(tenant, service),
        { mend = remedy.onboard(tenant, "helm.release " .. naming.resource(tenant, service)) }
      )
    elseif not facts.maintenance then
      replicas(found, tenant, service, deployment, pods_of(found, tenant, service, facts))
    end
  end
end

-- ---- the rest ----

local function add_drift(found, tenant, service, severity, finding, places)
  if #places == 0 then return end
  findings.add(found, severity, service, finding, table.concat(places, "; "), { mend = remedy.deploy(tenant, service) })
end

-- What is wrong with a Deployment is a finding of its own.
local function drift(found, tenant, service, release)
  local missing, edited = {}, {}
  for _, place in ipairs(helm.drift(release.name, tenant.namespace)) do
    local list = place:find(": missing in the cluster", 1, true) and missing or edited
    if not place:find "^Deployment " then list[#list + 1] = place end
  end
  add_drift(found, tenant, service, "critical", "an object of its release is missing", missing)
  add_drift(found, tenant, service, "warning", "an object of its release was edited", edited)
end

-- Only a deployment removes what a helm left that never came to its end.
local function finish(tenant, service, status)
  return back(tenant, service) or (status:find "^pending" and remedy.deploy or remedy.onboard)(tenant, service)
end

-- A record that is damaged, or deeper than o2x reads, is a finding; any other problem is the whole look's.
local function unread(found, tenant, service, problem)
  local hint = tostring(type(problem) == "table" and problem.hint)
  local removal = hint:match "^kubectl delete secret %S+ %-n %S+"
  local values = hint:match "^helm get values %S+ %-n %S+"
  if not removal and not values then error(problem, 0) end
  local what = removal and "the record of its release is damaged" or "the record of its release cannot be read"
  local mend = removal and removal .. " && " .. remedy.deploy(tenant, service) or nil
  findings.add(found, "warning", service, what, problem.message, { mend = mend, look = values })
end

-- helm leaves out a release whose last record is damaged.
local function unreleased(found, tenant, service, name)
  local ok, problem = pcall(helm.status, name, tenant.namespace)
  if not ok then return unread(found, tenant, service, problem) end
  local mend = { mend = remedy.deploy(tenant, service) }
  findings.add(found, "warning", service, "its deployment belongs to no release", "helm has no release " .. name, mend)
end

local function one_release(found, tenant, service, release)
  if release.status == "deployed" then return drift(found, tenant, service, release) end
  findings.add(
    found,
    release.status == "failed" and "critical" or "warning",
    service,
    "release is " .. release.status,
    ("%s, revision %s, %s"):format(release.name, release.revision, release.chart),
    { mend = finish(tenant, service, release.status) }
  )
end

local function releases(found, tenant, facts)
  local known = {}
  for _, release in ipairs(helm.list(tenant.namespace)) do
    known[release.name] = true
    local service = release.name:sub(#tenant.name + 2)
    local ok, problem = pcall(one_release, found, tenant, service, release)
    if not ok then unread(found, tenant, service, problem) end
  end
  for _, service in ipairs(catalogue.names()) do
    local name = naming.resource(tenant, service)
    if facts.deployments[name] and not known[name] then unreleased(found, tenant, service, name) end
  end
end

local function volume(found, tenant)
  local claim = k8s.get("PersistentVolumeClaim", tenant.data_pvc, tenant.namespace)
  local leaving = claim and claim.metadata.deletionTimestamp
  if claim and claim.status.phase == "Bound" and not leaving then return end
  local describe = remedy.kubectl(tenant, "describe pvc " .. tenant.data_pvc)
  if leaving then
    findings.add(found, "critical", tenant.data_pvc, "the data volume is being deleted", "since " .. leaving, {
      say = "it goes when the last pod that uses it ends: back up what is on it before any restart",
      look = describe,
    })
  elseif claim then
    local phase = "phase " .. tostring(claim.status.phase)
    findings.add(found, "critical", tenant.data_pvc, "the data volume is not bound", phase, { look = describe })
  else
    local object = ("k8s.object %s/PersistentVolumeClaim/%s"):format(tenant.namespace, tenant.data_pvc)
    local fix = { mend = remedy.onboard(tenant, object) }
    findings.add(found, "critical", tenant.data_pvc, "the data volume is missing", "there is no such claim", fix)
  end
end

local function certificate(found, tenant)
  local name = naming.resource(tenant, "tls-cert")
  local object = k8s.get("Certificate", name, tenant.namespace)
  local fix = {
    say = ("cert-manager renews it; to do that now: cmctl renew -n %s %s"):format(tenant.namespace, name),
    look = remedy.kubectl(tenant, "describe certificate " .. name),
  }
  if not object then
    return findings.add(found, "critical", name, "there is no certificate", "no Certificate " .. name, {
      mend = remedy.onboard(
        tenant,
        ("k8s.object %s/Ingress/%s"):format(tenant.namespace, naming.resource(tenant, "ingress"))
      ),
    })
  end
  local ends = object.status and object.status.notAfter
  local left = ends and clock.parse(ends) - clock.now()
  if left and left < 7 * DAY then
    return findings.add(
      found,
      left < 0 and "critical" or "warning",
      name,
      left < 0 and "the certificate has expired" or ("the certificate expires in %d days"):format(left // DAY),
      "notAfter " .. ends,
      fix
    )
  end
  for _, condition in ipairs(object.status and object.status.conditions or {}) do
    if condition.type == "Ready" and condition.status ~= "True" then
      findings.add(found, "critical", name, "the certificate is not ready", condition.message, fix)
    end
  end
end

local function more_replicas(tenant, service, deployment)
  local now, most = deployment.spec.replicas or 1, catalogue.find(service).replicas[2]
  if now < most then return { mend = remedy.scale(tenant, service, now + 1) } end
  return {
    say = "raise resources.limits.cpu in " .. naming.values_file(tenant.name, service),
    mend = remedy.deploy(tenant, service),
  }
end

local function usage(found, tenant, facts)
  local ok, metrics =
    pcall(k8s.list, "PodMetrics", { selector = "tenant=" .. tenant.name, namespace = tenant.namespace })
  for _, one in ipairs(ok and metrics or {}) do -- without a metrics server there are none
    local deployment = facts.deployments[(one.metadata.labels or {}).app]
    local service = (one.metadata.labels or {}).app and one.metadata.labels.app:sub(#tenant.name + 2)
    for _, container in ipairs(deployment and one.containers or {}) do
      local share, what = limits.exceeded(container, deployment.spec.template.spec.containers, FULL)
      if share then
        findings.add(
          found,
          "warning",
          service,
          ("uses %d %% of its %s limit"):format(share * 100 // 1, what),
          ("%s: %s"):format(one.metadata.name, container.usage[what]),
          what == "memory" and more_memory(tenant, service) or more_replicas(tenant, service, deployment)
        )
      end
    end
  end
end

local function maintenance_mode(found, tenant, facts)
  if not facts.maintenance then return end
  local overdue = maintenance.overdue(facts.maintenance)
  findings.add(
    found,
    overdue and "critical" or "warning",
    tenant.name,
    overdue and "is in maintenance, which is overdue" or "is in maintenance",
    maintenance.describe(tenant, facts.maintenance),
    { mend = remedy.run(tenant, "maintenance", "mode=off", true) }
  )
end

--- The facts that all chapters use. Other chapters add `database` and `vault`: true if they can be queried. Raises an
--- error if the cluster does not answer.
---@param tenant table
---@return table facts pods, deployments by name, maintenance if it is on, by_hand if nobody adopted what people made
function M.facts(tenant)
  local options = { selector = "tenant=" .. tenant.name, namespace = tenant.namespace }
  local facts = { pods = k8s.list("Pod", options), deployments = {}, maintenance = maintenance.of(tenant) }
  facts.by_hand = cluster.is_by_hand(tenant)
  for _, deployment in ipairs(k8s.list("Deployment", options)) do
    facts.deployments[deployment.metadata.name] = deployment
  end
  return facts
end

--- Runs the checks of this chapter.
---@param found table of findings.new
---@param tenant table
---@param facts table of M.facts
function M.run(found, tenant, facts)
  if facts.no_cluster then return end
  local function look(words) return { look = remedy.kubectl(tenant, words) } end
  local of_tenant = " -l tenant=" .. tenant.name
  maintenance_mode(found, tenant, facts)
  local list_releases = { look = "helm list -a -n " .. tenant.namespace }
  findings.check(found, "releases", list_releases, releases, found, tenant, facts)
  findings.check(found, "deployments", look("get pods" .. of_tenant), deployments, found, tenant, facts)
  findings.check(found, tenant.data_pvc, look("get pvc " .. tenant.data_pvc), volume, found, tenant)
  findings.check(found, "certificate", look "get certificates", certificate, found, tenant)
  findings.check(found, "usage", look("top pods" .. of_tenant), usage, found, tenant, facts)
end

return M
