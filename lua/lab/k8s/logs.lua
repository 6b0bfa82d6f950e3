--- Logs of pods: the start of a Spring Boot service, or the reason why it fails.
local body = require "lab.k8s.body"
local clock = require "o2x.base.clock"
local faults = require "lab.service_faults"
local status = require "lab.k8s.status"
local task = require "o2x.base.task"
local value = require "lab.k8s.value"

local M = {}

local FOLLOW_EVERY = 5

local function env_of(container, name)
  for _, env in ipairs(container.env or {}) do
    if env.name == name then return env.value end
  end
end

local function app_of(pod, container)
  local labels = pod.metadata.labels or {}
  return labels.app or labels["app.kubernetes.io/name"] or container.name
end

local function port_of(container)
  local port = container.ports and container.ports[1]
  return port and port.containerPort or 8080
end

-- { seconds after the start, level, logger, message }
local function started(pod, container)
  local app = app_of(pod, container)
  local profile = env_of(container, "SPRING_PROFILES_ACTIVE") or "pg"
  return {
    {
      0.0,
      "INFO",
      "o.s.boot.SpringApplication",
      ("Starting %s using Java 17.0.12 with PID 1 (/app/app.jar started by app in /app)"):format(app),
    },
    { 0.1, "INFO", "o.s.boot.SpringApplication", ('The following 1 profile is active: "%s"'):format(profile) },
    {
      1.3,
      "INFO",
      "o.s.b.w.embedded.tomcat.TomcatWebServer",
      ("Tomcat initialized with port %d (http)"):format(port_of(container)),
    },
    { 1.9, "INFO", "com.zaxxer.hikari.HikariDataSource", "HikariPool-1 - Starting..." },
    { 2.2, "INFO", "com.zaxxer.hikari.HikariDataSource", "HikariPool-1 - Start completed." },
    { 2.8, "INFO", "o.s.v.c.VaultTemplate", "Secrets loaded from Vault" },
    { 3.6, "INFO", "o.s.b.a.e.web.EndpointLinksResolver", "Exposing 3 endpoints beneath base path '/actuator'" },
    {
      3.9,
      "INFO",
      "o.s.b.w.embedded.tomcat.TomcatWebServer",
      ("Tomcat started on port %d (http) with context path '/'"):format(port_of(container)),
    },
    {
      4.0,
      "INFO",
      "o.s.boot.SpringApplication",
      ("Started %s in 4.012 seconds (process running for 4.6)"):format(app),
    },
  }
end

local function crashed(pod, container)
  local lines = { table.unpack(started(pod, container), 1, 4) }
  table.move({
    { 32.0, "ERROR", "com.zaxxer.hikari.pool.HikariPool", "HikariPool-1 - Exception during pool initialization." },
    { 32.0, "ERROR", "o.s.b.d.LoggingFailureAnalysisReporter", "APPLICATION FAILED TO START" },
    {
      32.1,
      "ERROR",
      "o.s.boot.SpringApplication",
      'Caused by: org.postgresql.util.PSQLException: FATAL: password authentication failed for user "appuser"',
    },
  }, 1, 3, #lines + 1, lines)
  return lines
end

local function format_line(at, line, timestamps)
  local stamp = clock.iso(at, 3)
  local text = ("%s %5s 1 --- [main] %-40s : %s"):format(stamp, line[2], line[3], line[4])
  return timestamps and stamp:gsub("Z$", "000000Z") .. " " .. text or text
end

-- the state of the container: "waiting" with its reason, "running", "crashing"
local function condition(pod, name)
  for _, c in ipairs(value.get(pod, "status", "containerStatuses") or {}) do
    if c.name == name then
      local reason = value.get(c, "state", "waiting", "reason")
      if reason == "CrashLoopBackOff" then return "crashing" end
      return reason and "waiting" or "running", value.get(c, "state", "waiting", "message")
    end
  end
  return "waiting", "ContainerCreating"
end

local function stamped(at, line, lines) lines[#lines + 1] = { at = at, line = line } end

-- The lines of the start, then those that were added since.
local function history(api, pod, container, from, crashing)
  local all = {}
  for _, line in ipairs(crashing and crashed(pod, container) or started(pod, container)) do
    stamped(from + line[1], line, all)
  end
  for _, line in ipairs(not crashing and faults.lines(api.lab, app_of(pod, container)) or {}) do
    if line.at >= from then stamped(line.at, { 0, line.level, line.logger, line.message }, all) end
  end
  return all
end

local function lines_of(api, pod, container, query, now)
  local state = condition(pod, container.name)
  local from = value.seconds(value.get(pod, "status", "startTime")) or now
  local since = tonumber(query.sinceSeconds) and now - tonumber(query.sinceSeconds)
  local result = {}
  for _, entry in ipairs(history(api, pod, container, from, state == "crashing")) do
    if not since or entry.at >= since then
      table.insert(result, format_line(entry.at, entry.line, query.timestamps == "true"))
    end
  end
  local tail = math.tointeger(tonumber(query.tailLines))
  if tail and tail >= 0 and #result > tail then result = { table.unpack(result, #result - tail + 1) } end
  return result
end

local function pick(pod, name)
  local names = {}
  for _, c in ipairs(pod.spec.containers) do
    if c.name == name or not name and #pod.spec.containers == 1 then return c end
    table.insert(names, c.name)
  end
  if name then return nil, ("container %s is not valid for pod %s"):format(name, pod.metadata.name) end
  return nil,
    ("a container name must be specified for pod %s, choose one of: [%s]"):format(
      pod.metadata.name,
      table.concat(names, " ")
    )
end

local function problem_of(pod, container, query)
  local state, message = condition(pod, container.name)
  local where = ("container %q in pod %q"):format(container.name, pod.metadata.name)
  if query.previous == "true" and state ~= "crashing" then
    return ("previous terminated %s not found"):format(where)
  elseif state == "waiting" then
    return ("%s is waiting to start: %s"):format(
      where,
      message and message:find("pull", 1, true) and "trying and failing to pull image" or "ContainerCreating"
    )
  end
end

local function follow(api, req, pod, text)
  local closed <close> = task.event()
  local writer = req:stream(200, { ["Content-Type"] = "text/plain" })
  writer:notify(closed)
  writer:write(text)
  local meta = pod.metadata
  while not writer:closed() and api.store:get("/pods", meta.namespace, meta.name) do
    task.wait(closed, FOLLOW_EVERY)
  end
  writer:close()
end

--- Handles a request for a pod's log.
---@param api table
---@param req table
---@param target lab.k8s.Target
---@return integer? status
---@return table? headers
---@return string? body
function M.handle(api, req, target)
  local pod = api.store:get("/pods", target.namespace, target.name)
  if not pod then return body.answer(status.not_found(target.kind, target.name)) end
  local query = req.query
  local container, problem = pick(pod, query.container)
  problem = problem or problem_of(pod, container, query)
  if problem then return body.answer(status.bad_request(problem)) end
  local lines = lines_of(api, pod, container, query, api.store.clock())
  local text = #lines > 0 and table.concat(lines, "\n") .. "\n" or ""
  if query.limitBytes then text = text:sub(1, math.tointeger(tonumber(query.limitBytes)) or -1) end
  if query.follow == "true" then return follow(api, req, pod, text) end
  return 200, { ["Content-Type"] = "text/plain" }, text
end

return M
