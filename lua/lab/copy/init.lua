--- Copies a tenant that is there whole: the same in all systems under another name and id. A fleet of onboarded tenants
--- costs seconds so, where onboarding them would take an hour.

local cluster = require "lab.copy.cluster"
local databases = require "lab.copy.databases"
local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local proc = require "o2x.base.proc"
local rest = require "lab.copy.rest"
local stencil = require "lab.stencil"
local task = require "o2x.base.task"
local words = require "lab.words"

local M = {}

local MOST <const> = 5000 -- copies at once

-- ---- what the tenant is ----

-- Its id and its database, which its services are told.
local function facts_of(lab, tenant)
  for _, pod in ipairs(lab.k8s.list("v1", "Pod")) do
    if (pod.metadata.labels or {}).tenant == tenant then
      local id, database
      for _, entry in ipairs(pod.spec.containers[1].env or {}) do
        if entry.name == "TENANT_ID" then id = entry.value end
        database = database or tostring(entry.value):match "^jdbc:postgresql://[^/]+/([^?]+)"
      end
      if id and database then return id, database end
    end
  end
  errors.input(
    ("lab copy: no pod of %s tells its id and its database"):format(tenant),
    "o2x run onboard " .. tenant .. ", or copy a tenant that is onboarded"
  )
end

local function tenants_of(lab)
  local names = {}
  for _, file in ipairs(fs.list(fs.join(lab.dir, "platform/tenants"))) do
    names[#names + 1] = file:match "^(.+)%.yaml$"
  end
  return names
end

-- A name that is a word in another tenant's would take that one's things for its own.
local function check_name(lab, tenant, has)
  local known = false
  for _, name in ipairs(tenants_of(lab)) do
    known = known or name == tenant
    if name ~= tenant and has(name) and not name:find "^copy%d+%-" then
      errors.input(("lab copy: %s has a word of %s in its name"):format(name, tenant), "copy another tenant")
    end
  end
  if not known then errors.input(("lab copy: no tenant %s"):format(tenant), "o2x list --tenants") end
end

local function first_number(lab, tenant)
  local last = 0
  for _, name in ipairs(tenants_of(lab)) do
    local number, of = name:match "^copy(%d+)%-(.+)$"
    if of == tenant then last = math.max(last, math.tointeger(tonumber(number))) end
  end
  return last + 1
end

local function copies_of(lab, tenant, id, count)
  local prefix, digits = id:match "^(.-)(%d+)$"
  local first, number = first_number(lab, tenant), databases.greatest_number(lab, id)
  local copies = {}
  for i = 1, count do
    local name = ("copy%d-%s"):format(first + i - 1, tenant)
    local forms = words.forms(name)
    forms[#forms + 1] = ("%s%0" .. #digits .. "d"):format(prefix, number + i)
    copies[i] = { name = name, words = forms }
  end
  return copies
end

local function plan_of(lab, tenant, count)
  local names = words.forms(tenant)
  local by_name = stencil.marker(names)
  check_name(lab, tenant, function(text) return by_name(text) ~= text end)
  local id, database = facts_of(lab, tenant)
  names[#names + 1] = id
  local mark = stencil.marker(names)
  local plan = {
    names = names,
    database = database,
    mark = mark,
    copies = copies_of(lab, tenant, id, count),
    -- Whether a text has the tenant's words. What has another copy's name is that one's.
    has = function(text) return mark(text) ~= text and not text:lower():find "copy%d+%-" end,
    -- A text with the words of a copy.
    replace = function(copy, text) return stencil.fill(stencil.cut(text, mark), copy.words) end,
  }
  if not plan.has(database) then
    errors.input(("lab copy: the database %s of %s is shared"):format(database, tenant), "copy another tenant")
  end
  return plan
end

-- A server that is down is waited for as one that starts: a minute, without a word.
local function check_up(lab)
  for _, name in ipairs { "postgres", "redis" } do
    if not require("lab." .. name).status(lab) then
      errors.input(("lab copy: %s is down"):format(name), ("o2x lab fault %s off"):format(name))
    end
  end
end

-- ---- room ----

local function free_bytes(folder)
  local result = proc.run { argv = { "df", "-B1", "--output=avail", folder }, timeout = 10 }
  return math.tointeger(tonumber(result.stdout:match "(%d+)%s*$")) or 0
end

--- Copies a tenant. What is copied is what is there now, wrong or right.
---@param lab table
---@param instances table<string, table> the simulators
---@param options { tenant: string, count: integer }
---@return { tenants: string[] } the copies' names
function M.run(lab, instances, options)
  if next(lab.real) then errors.input("lab copy: the lab has real servers, and only simulators can be copied") end
  local count = options.count
  if math.type(count) ~= "integer" or count < 1 or count > MOST then
    errors.input(("lab copy: --count is a number from 1 to %d"):format(MOST))
  end
  check_up(lab)
  local plan = plan_of(lab, options.tenant, count)
  databases.check_room(lab, plan, free_bytes(lab.postgres.data))
  task.parallel {
    databases = function() databases.run(lab, plan) end,
    cluster = function() cluster.run(lab, plan) end,
    rest = function()
      rest.states(lab, plan)
      rest.files(lab, plan)
    end,
  }
  instances.ingress.cover()
  local made = {}
  for i, copy in ipairs(plan.copies) do
    made[i] = copy.name
  end
  return { tenants = made }
end

return M
