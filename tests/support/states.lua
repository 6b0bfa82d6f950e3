--- Odd states of a lab, each made from its number alone: what somebody did to newclient by ordinary clients, three or
--- four things at once. A lab in memory is put back in between.
---
---     local ground <close> = states.start()
---     ground:put_into(7)          -- state 7 of states.COUNT; ground.what says what is odd
---     ground:again()              -- the same once more
---     ground.lab:o2x { "plan", … }

local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local labs = require "tests.support.lab"
local ok = require "tests.support.ok"
local seeds = require "tests.support.seeds"

local M = { COUNT = 30 }

local TENANT <const> = "newclient"
local ID <const> = "TIDLT-100008"

local function own(sql) return seeds.psql("coredb-newclient", sql) end
local function control(sql) return seeds.psql("enginedevdb", sql) end
local function kubectl(...) return { "kubectl", ... } end
local function tree(script) return { "sh", "-c", 'cd "$O2X_PLATFORM" && ' .. script } end
local function redis(...) return { "sh", "-c", 'redis-cli -u "$REDIS_URL" "$@" >/dev/null', "sh", ... } end

-- An upgrade that a fault of the lab stops: in the middle, as the death of helm does, or with an error.
local function upgrade(service, fault)
  return function(lab)
    local name = TENANT .. "-" .. service
    ok(lab:o2x { "lab", "fault", "k8s", fault, "match=" .. name })
    local charts = fs.join(lab.platform, "core/charts", service)
    local result = lab:run { "helm", "upgrade", name, charts, "--reuse-values", "--set=theirs=1" }
    ok(lab:o2x { "lab", "fault", "k8s", "off" })
    assert(result.code ~= 0, "helm upgrade succeeded")
  end
end

-- What a vault client puts there, with the fields that are there and others.
local function secret(path, fields, keep)
  return function(lab)
    local data = keep and lab:vault(path) or {}
    for name, text in pairs(fields) do
      data[name] = text ~= false and text or nil
    end
    local url = lab.env.VAULT_ADDR .. "/v1/secret/data/" .. path
    local body = json.encode { data = data }
    lab:out("curl", "-sSf", "-o", "/dev/null", "-H", "X-Vault-Token: " .. lab.env.VAULT_TOKEN, "-d", body, url)
  end
end

local function dns(action, name, kind, ttl, text)
  return function(lab)
    local set = { Name = name, Type = kind, TTL = ttl, ResourceRecords = json.array { { Value = text } } }
    local batch = json.encode { Changes = json.array { { Action = action, ResourceRecordSet = set } } }
    lab:aws("route53", "change-resource-record-sets", "--hosted-zone-id", lab:zone(), "--change-batch", batch)
  end
end

local function message(queue)
  return function(lab)
    local login = lab.env.O2X_BROKER_USER .. ":" .. lab.env.O2X_BROKER_PASSWORD
    local url = ("%s/api/message/%s.%s?type=queue"):format(lab.env.O2X_BROKER_URL, ID, queue)
    lab:out("curl", "-sSf", "-o", "/dev/null", "-u", login, "-d", "body=1", url)
  end
end

local VALUES <const> = "core/helm_values/newclient/service-"
local FAILED <const> = "update public.flyway_schema_history set success = false "
  .. "where installed_rank = (select max(installed_rank) from public.flyway_schema_history)"

--- What can be odd beside what tests/support/seeds.lua has.
local ODD <const> = {
  { what = "user locked", by = own "update core_config.users set status = 'LOCKED'" },
  { what = "all users gone", by = own "delete from core_config.users" },
  { what = "last migration failed", by = own(FAILED) },
  { what = "last migration missing", by = own "delete from public.flyway_schema_history where installed_rank > 3" },
  { what = "migration's checksum edited", by = own "update public.flyway_schema_history set checksum = 7" },
  { what = "rows dead", by = own "update core_config.tenant_property_defaults set property_value = property_value" },
  {
    what = "registry's status",
    by = control "update core_config.tenant set status = 'SUSPENDED' where name = 'newclient'",
  },
  { what = "secret without a key", by = secret("tenant/newclient/info", { tenant_name = false }, true) },
  { what = "secret with one more key", by = secret("tenant/newclient/avalara", { theirs = "1" }, true) },
  { what = "admin's password changed", by = secret("tenant/newclient/admin", { password = "changed-by-hand" }, true) },
  { what = "values file with CRLF", by = tree("sed -i 's/$/\\r/' " .. VALUES .. "billing.yaml") },
  { what = "values file of another mode", by = tree("chmod 600 " .. VALUES .. "sso.yaml") },
  { what = "values file empty", by = tree(": >" .. VALUES .. "payment.yaml") },
  { what = "values of everybody gone", by = tree "rm -r core/helm_values/newclient" },
  {
    what = "inventory's section gone",
    by = tree "sed -i '/^## newclient/,/^## /{/newclient/d}' docs/TENANT_INVENTORY.md",
  },
  { what = "ingress file of another mode", by = tree "chmod 640 k8s/ingress/newclient-ingress.yaml" },
  { what = "release pending", by = upgrade("service-sso", "helm-dies") },
  { what = "release failed", by = upgrade("service-usage", "helm-fails") },
  { what = "replicas changed", by = kubectl("scale", "deployment/newclient-service-billing", "--replicas=3") },
  { what = "autoscaler", by = kubectl("autoscale", "deployment/newclient-service-invoice", "--min=2", "--max=5") },
  { what = "restarted by hand", by = kubectl("rollout", "restart", "deployment/newclient-service-sso") },
  { what = "deployment annotated", by = kubectl("annotate", "deployment/newclient-service-sso", "theirs=1") },
  {
    what = "maintenance half on",
    by = {
      "sh",
      "-c",
      "kubectl annotate deployment/newclient-service-sso o2x.io/maintenance=2 && "
        .. "kubectl scale deployment/newclient-service-sso --replicas=0",
    },
  },
  { what = "volume claim gone", by = kubectl("delete", "pvc", "newclient-data-pvc", "--wait=false") },
  { what = "certificate gone", by = kubectl("delete", "certificate", "newclient-tls-cert") },
  { what = "alert rules gone", by = kubectl("delete", "prometheusrule", "newclient-alerts", "-n", "monitoring") },
  { what = "record of another TTL", by = dns("UPSERT", "api.newclient.embrix.com", "CNAME", 17, "x.example.com") },
  {
    what = "record of another value",
    by = dns("UPSERT", "portal.newclient.embrix.com", "CNAME", 300, "y.example.com"),
  },
  { what = "queue full", by = message "billing.invoice" },
  { what = "keys in Redis", by = redis("MSET", ID .. ":session:a", "1", ID .. ":cache:b", "2") },
  { what = "Redis empty", by = redis "FLUSHALL" },
}

-- All cards, those of the audit and those above, in an order that has neighbours far apart.
local function deck()
  local cards = {}
  for _, card in ipairs(seeds) do
    cards[#cards + 1] = card
  end
  for _, card in ipairs(ODD) do
    cards[#cards + 1] = card
  end
  local random, mixed = 20261, {}
  while #cards > 0 do
    random = (random * 1103515245 + 12345) % 0x80000000
    mixed[#mixed + 1] = table.remove(cards, (random >> 8) % #cards + 1)
  end
  return mixed
end

-- State 1 has no tenant yet, state 2 one that is as it should be. The others deal all cards, and one from further on.
local function cards_of(number)
  if number <= 2 then return {} end
  local all, picked = deck(), {}
  local each = math.ceil(#all / (M.COUNT - 2))
  for i = (number - 3) * each, (number - 2) * each - 1 do
    picked[#picked + 1] = all[i % #all + 1]
  end
  picked[#picked + 1] = all[((number - 2) * each + #all // 2) % #all + 1]
  return picked
end

local Ground = {}
Ground.__index = Ground

--- A lab in memory, with and without the tenant.
---@return table ground lab, what; close it
function M.start()
  local ground = setmetatable({ lab = labs.in_memory(), what = {} }, Ground)
  ground.lab.memory:snapshot "absent"
  ok(ground.lab:o2x { "run", "onboard", TENANT })
  ok(ground.lab:o2x { "run", "backup", TENANT, "to=" .. fs.join(ground.lab.dir, "kept.dump") })
  ground.lab.memory:snapshot "present"
  return ground
end

local function do_card(lab, card)
  if type(card.by) == "function" then return pcall(card.by, lab) end
  local result = lab:run(card.by)
  return result.code == 0, result.stderr
end

--- Puts the lab into a state. What one thing makes impossible for the next (a deleted object cannot be edited) is not
--- done, and `what` does not name it.
---@param number integer 1 to states.COUNT
function Ground:put_into(number)
  self.number = number
  self.lab.memory:restore(number == 1 and "absent" or "present")
  self.what, self.failed = {}, {}
  for _, card in ipairs(cards_of(number)) do
    local done, why = do_card(self.lab, card)
    if done then
      self.what[#self.what + 1] = card.what
    else
      self.failed[#self.failed + 1] = card.what .. ": " .. tostring(why)
    end
  end
  self.lab.memory:snapshot "odd"
end

--- Puts the lab into the same state once more.
function Ground:again() self.lab.memory:restore "odd" end

--- Ends the lab.
function Ground:close()
  if self.lab then self.lab:stop() end
  self.lab = nil
end
Ground.__close = Ground.close

return M
