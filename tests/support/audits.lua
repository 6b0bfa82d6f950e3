--- What an audit must find: seeds (tests/support/seeds.lua) compared with what it reports, and its commands run.

local assert = require "luassert"
local json = require "o2x.base.json"
local labs = require "tests.support.lab"
local fs = require "o2x.base.fs"
local ok = require "tests.support.ok"
local paste = require "tests.support.proposed.paste"

local M = {}

--- The tenants of a lab in which all is as it should be.
M.HEALTHY = { "newclient", "acme-sbx", "coopeg-prd", "coopeg-sbx", "demo", "dev", "urbanos" }

local TAKES_OVER <const> = { urbanos = "--take-over=monitoring/PrometheusRule/urbanos-alerts" }

--- Makes tenants healthy.
---@param lab table
---@param names string[]
function M.onboard(lab, names)
  local secrets = fs.read(fs.join(lab.env.O2X_SECRETS, "newclient.yaml"))
  for _, name in ipairs(names) do
    local path = fs.join(lab.env.O2X_SECRETS, name .. ".yaml")
    if not fs.exists(path) then fs.write(path, secrets, { mode = 384 }) end
    ok(lab:o2x { "run", "onboard", name, TAKES_OVER[name] or "--quiet", "admin=reset" })
  end
end

--- A lab in memory with healthy tenants, kept under the name "healthy".
---@param names string[]
---@return table lab
function M.healthy(names)
  local lab = labs.in_memory()
  M.onboard(lab, names)
  lab.memory:snapshot "healthy"
  return lab
end

--- Audits.
---@param lab table
---@param ... string words
---@return table[] reports
---@return table result
function M.audit(lab, ...)
  local result = lab:o2x { "audit", "--json", ... }
  return json.decode(result.stdout).tenants, result
end

--- Does what a seed does.
---@param lab table
---@param what string[]|fun(lab: table)
function M.act(lab, what)
  if type(what) == "function" then return what(lab) end
  lab:out(table.unpack(what))
end

local function fits(finding, expected)
  local way, part, kind = table.unpack(expected, 1, 3)
  return finding.way == way and finding.what:find(part, 1, true) ~= nil and (not kind or finding.kind == kind)
end

-- Is the finding a check that fails because of a seed?
local function follows(finding, seeds)
  for _, seed in ipairs(seeds) do
    for _, pattern in ipairs(finding.way == "failed check" and seed.also or {}) do
      if finding.what:find(pattern) then return true end
    end
  end
  return false
end

--- The findings that nobody expected, and what was expected and not found once.
---@param findings table[]
---@param seeds table[]
---@return string[] wrong
function M.compare(findings, seeds)
  local seen, wrong = {}, {}
  for _, seed in ipairs(seeds) do
    for _, expected in ipairs(seed.finds) do
      local found = 0
      for i, finding in ipairs(findings) do
        if fits(finding, expected) and not seen[i] then
          found, seen[i] = found + 1, seed
        end
      end
      if found ~= 1 then wrong[#wrong + 1] = ("%s: %d times %s"):format(seed.what, found, expected[2]) end
    end
  end
  for i, finding in ipairs(findings) do
    if not seen[i] and not follows(finding, seeds) then
      wrong[#wrong + 1] = ("nobody did this: %s %s: %s"):format(finding.way, finding.what, finding.diff[1] or "")
    end
  end
  return wrong
end

-- Each command once. One that takes over comes first: it is the same run, and nothing is in its way.
local function commands_of(findings)
  local first, later, seen = {}, {}, {}
  for _, finding in ipairs(findings) do
    local command = finding.mend
    if command and not seen[command] and not command:find "^vault " then
      table.insert(command:find("--take-over", 1, true) and first or later, command)
      seen[command] = true
    end
  end
  return table.move(later, 1, #later, #first + 1, first)
end

--- Runs the commands that the findings name, and then those that people know for what no command mends.
---@param lab table
---@param findings table[]
---@param seeds table[]
function M.mend(lab, findings, seeds)
  for _, seed in ipairs(seeds) do
    if seed.back then M.act(lab, seed.back) end
  end
  for _, command in ipairs(commands_of(findings)) do
    paste.works(lab, command)
  end
end

--- Seeds, looks, mends and looks again.
---@param lab table
---@param tenant string
---@param seeds table[]
function M.plays(lab, tenant, seeds)
  for _, seed in ipairs(seeds) do
    M.act(lab, seed.by)
  end
  local tenants, result = M.audit(lab, tenant)
  assert.equal(2, result.code, result.stderr)
  assert.same({}, M.compare(tenants[1].findings, seeds))
  for _, finding in ipairs(tenants[1].findings) do
    assert(finding.mend or finding.hint, finding.what .. ": nothing is proposed")
  end
  M.mend(lab, tenants[1].findings, seeds)
  assert.same({}, M.audit(lab, tenant)[1].findings)
end

return M
