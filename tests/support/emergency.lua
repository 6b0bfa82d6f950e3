-- What the specs of the emergency runbooks share: running them for urbanos, and looking at it with helm and kubectl.

local assert = require "luassert"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"

local M = { TENANT = "urbanos" }

local Emergency = {}
Emergency.__index = Emergency

---@param lab table of tests/support/lab.lua
function M.new(lab) return setmetatable({ lab = lab }, Emergency) end

local function words_of(command, runbook, ...)
  local words = { command, "runbooks/" .. runbook .. ".lua", M.TENANT, ... }
  if command == "run" then words[#words + 1] = "--confirm=" .. M.TENANT end
  return words
end

--- Runs a runbook. -> { code, signal, stdout, stderr }
function Emergency:try(runbook, ...) return self.lab:o2x(words_of("run", runbook, ...)) end

--- Runs a runbook that must succeed. -> its result as JSON has it
function Emergency:run(runbook, ...)
  local result = self.lab:o2x(words_of("run", runbook, "--json", ...))
  if result.code ~= 0 then
    error(("%s: exit %s\n%s\n%s"):format(runbook, result.code, result.stdout, result.stderr), 2)
  end
  return json.decode(result.stdout)
end

--- The plan of a runbook.
function Emergency:plan(runbook, ...)
  local result = self.lab:o2x(words_of("plan", runbook, "--json", ...))
  if result.code ~= 0 then error(("plan %s: exit %s\n%s"):format(runbook, result.code, result.stderr), 2) end
  return json.decode(result.stdout)
end

--- Runs a runbook that must be refused by one clear line before it changes anything.
function Emergency:refused(pattern, runbook, ...)
  local result = self:try(runbook, ...)
  assert.equal(3, result.code, result.stderr)
  assert.matches(pattern, result.stderr)
  assert.is_nil(result.stderr:find("traceback", 1, true))
  -- What its declaration does not allow is refused before there is a run.
  local is_declared = result.stderr:find "^o2x: parameter [%w_]+: there is no "
  if not is_declared then assert.matches("refused  " .. runbook, result.stderr) end
end

--- Runs a runbook, killed at every n-th arrow and resumed, until it has ended. -> how often it was killed
function Emergency:killed(at, runbook, ...)
  local words, kills = words_of("run", runbook, ...), 0
  local result
  repeat
    result = self.lab:o2x(words, { env = { O2X_KILL_AT = tostring(at) } })
    if result.signal == 9 then
      words, kills = { "resume" }, kills + 1
    end
  until result.signal ~= 9 or kills > 100
  if result.code ~= 0 then error(("%s: exit %s\n%s"):format(runbook, result.code, result.stderr), 2) end
  return kills
end

local function object(service) return M.TENANT .. "-" .. service end

--- The tag of the image that a service's Deployment has.
function Emergency:tag(service)
  local image = self.lab:out(
    "kubectl",
    "get",
    "deploy",
    object(service),
    "-o",
    "jsonpath={.spec.template.spec.containers[0].image}"
  )
  return image:match("[^:]*$")
end

--- "3 deployed"
function Emergency:revision(service)
  local history = json.decode(self.lab:out("helm", "history", object(service), "-o", "json"))
  return ("%d %s"):format(history[#history].revision, history[#history].status)
end

--- The tag that a service's values file says.
function Emergency:file(service)
  local path = fs.join(
    self.lab.platform,
    (service:match("%-gateway$") and service:gsub("^provision%-", "provision_"):gsub("^crm%-", "crm_") or "core")
      .. "/helm_values/urbanos/"
      .. service
      .. ".yaml"
  )
  local text = fs.read(path)
  return text:match("\n  tag: (%S+)"), text, path
end

--- name=replicas of all Deployments of a tenant, a line each.
function Emergency:replicas(tenant)
  return self.lab:out(
    "kubectl",
    "get",
    "deploy",
    "-l",
    "tenant=" .. (tenant or M.TENANT),
    "-o",
    'jsonpath={range .items[*]}{.metadata.name}={.spec.replicas}{"\\n"}{end}'
  )
end

return M
