--- DNS records in Route 53. Runbooks: require "o2x.dns".
---
--- A record that points elsewhere is foreign unless a run of this tenant wrote it. A foreign record is refused, never
--- taken over silently. A write waits until Route 53 reports INSYNC: a resolver that asks for a new name earlier caches
--- that it does not exist.

local dns = require "o2x.client.dns"
local errors = require "o2x.base.error"
local dns_record = require "o2x.client.aws.record"
local rdata = require "o2x.client.aws.rdata"
local scope = require "o2x.base.scope"
local json = require "o2x.base.json"
local secret = require "o2x.base.secret"
local shell = require "o2x.base.shell"
local task = require "o2x.base.task"
local value = require "o2x.base.value"

local CAUGHT_UP <const> = 60 -- seconds that the name servers have, after a crash, to serve what Route 53 lists
local DEFAULT_TTL <const> = 300

-- A value that only the run can know stays as it is.
local function plain_values(kind, values)
  local result = {}
  for i, each in ipairs(values) do
    if value.is_unknown(each) then return values end
    if type(each) ~= "string" and type(each) ~= "number" then
      local got = secret.is(each) and "secret" or type(each)
      errors.input(("dns.ensure_record: values[%d] must be a text, got a %s"):format(i, got))
    end
    result[i] = dns_record.value(kind, tostring(each))
  end
  table.sort(result)
  return result
end

local function same_values(a, b)
  if value.has_unknown(a.values) or value.has_unknown(b.values) then return false end
  return a.type == b.type and not a.policy and not b.policy and dns_record.same_values(a.type, a.values, b.values)
end

-- A CNAME must be the only record of its name; other types coexist.
local function in_the_way(record, kind) return record.type == kind or record.type == "CNAME" or kind == "CNAME" end

-- The domain of the grants that a name is in.
local function granted_domain(ctx, name)
  for _, domain in ipairs(ctx.scope.dns) do
    domain = dns_record.name(domain)
    if name == domain or name:sub(-#domain - 1) == "." .. domain then return domain end
  end
end

-- All records of a name, and in a plan those of its neighbours too: one list serves for all names of the tenant.
local function listed(ctx, client, zone, name)
  local domain = ctx.mode == "plan" and granted_domain(ctx, name)
  if not domain then return client:records_of(zone, name) end
  return ctx:once(("dns %s %s"):format(zone, domain), client.records_below, client, zone, domain)
end

local function records_at(ctx, target)
  local client = ctx:client "aws.route53"
  local zone = client:zone_of(target.name)
  local found = {}
  for _, record in ipairs(listed(ctx, client, zone, target.name)) do
    if record.name == target.name and in_the_way(record, target.type) then
      found[#found + 1] = {
        type = record.type,
        ttl = record.ttl,
        values = plain_values(record.type, record.values),
        alias = record.alias,
        policy = record.policy,
        as_listed = record,
      }
    end
  end
  return found
end

-- What was read → all records in the way, as Route 53 listed them: a write deletes exactly these.
local found_with = setmetatable({}, { __mode = "k" })

-- A special record set decides: it is refused, whatever is beside it.
local function read(ctx, target)
  scope.domain(ctx.scope.dns, target.name, "DNS name")
  local all = records_at(ctx, target)
  local found = all[1]
  for _, each in ipairs(all) do
    if each.policy then found = each end
  end
  if not found then return nil end
  local record =
    { type = found.type, ttl = found.ttl, values = found.values, alias = found.alias, policy = found.policy }
  found_with[record] = all
  return record
end

local function describe(record)
  if record.policy and not record.alias then return ("%s %s record set"):format(record.type, record.policy) end
  return ("%s %s"):format(
    record.type,
    record.alias and "alias of " .. record.alias
      or value.has_unknown(record.values) and tostring(value.unknown)
      or table.concat(record.values, ", ")
  )
end

-- Weighted sets, aliases and their like are made by somebody with a purpose that values alone do not tell.
local function refuse_special(target, record)
  if not record or not record.policy then return end
  errors.raise {
    kind = "refused",
    module = "dns",
    op = "record",
    code = "special",
    message = ("%s is there as %s; o2x does not change that"):format(target.name, describe(record)),
    hint = "change it where it was made, or choose another name",
  }
end

local function key_of(target) return target.name .. " " .. target.type end

local function wrote(run, target, record)
  for _, effect in ipairs(run.effects or {}) do
    local ours = effect.kind == "dns.record" and effect.key == key_of(target) and effect.result and effect.after
    if ours and same_values(record, effect.after) then return true end
  end
  return false
end

-- Did an earlier run of this tenant write exactly this? The run store knows.
local function left_by_us(ctx, target, before)
  local runs = ctx:run_store()
  for _, summary in ipairs(runs:list()) do
    if summary.tenant == ctx.tenant.name and wrote(runs:look(summary.id), target, before) then return true end
  end
  return false
end

local function refuse_foreign(ctx, target, desired, before, taken)
  if
    not before
    or not desired
    or target.takeover
    or taken
    or same_values(before, desired)
    or left_by_us(ctx, target, before)
  then
    return
  end
  errors.raise {
    kind = "conflict",
    module = "dns",
    op = "record",
    code = "foreign_change",
    message = ("%s already exists: %s, not %s"):format(target.name, describe(before), describe(desired)),
    hint = "takeover=true replaces it",
  }
end

local function change_of(action, target, record)
  return { action = action, name = target.name, type = record.type, ttl = record.ttl, values = record.values }
end

-- The changes to send, as one atomic batch. Route 53 refuses it if a record is not the one that was read, or if there
-- is one where there was none.
local function changes_for(target, desired, found)
  local changes = {}
  for _, record in ipairs(found) do
    refuse_special(target, record)
    changes[#changes + 1] = change_of("DELETE", target, record.as_listed)
  end
  if desired then changes[#changes + 1] = change_of("CREATE", target, desired) end
  return changes
end

local function check_apex(target, desired, zone)
  if not desired or desired.type ~= "CNAME" or target.name ~= zone then return end
  errors.input(
    ("dns.ensure_record: %s is the name of its zone, which cannot be a CNAME"):format(zone),
    "give it A records, or choose a name below it"
  )
end

local function write(ctx, target, desired, before, _, taken)
  scope.domain(ctx.scope.dns, target.name, "DNS name")
  refuse_special(target, before)
  refuse_foreign(ctx, target, desired, before, taken)
  local changes = changes_for(target, desired, before and found_with[before] or {})
  if not changes[1] then return nil end
  local client = ctx:client "aws.route53"
  local zone = client:zone_of(target.name)
  local id = client:change(zone, changes, "o2x " .. tostring(ctx.run_id))
  ctx:waiting(("Route 53: %s INSYNC"):format(target.name))
  client:wait_insync(id)
end

-- A name server writes bytes in decimal, Route 53 in octal.
local function in_octal(escaped)
  local byte = escaped:match "^%d%d%d$"
  return byte and ("\\%03o"):format(tonumber(byte)) or nil
end

-- What a name server says, in the form that ensure_record gives back.
local function strip(kind, values)
  if kind ~= "TXT" then return plain_values(kind, values) end
  local result = {}
  for i, text in ipairs(values) do
    result[i] = text:gsub("\\(.%d?%d?)", in_octal)
  end
  table.sort(result)
  return result
end

local function authoritative(ctx, name, kind)
  local result = {}
  for server, values in pairs(dns.authoritative(name, kind, ctx.config.dns and ctx.config.dns.servers)) do
    result[server] = strip(kind, values)
  end
  return result
end

local function equal(current, desired)
  if not current or not desired then return current == desired end
  return current.ttl == desired.ttl and same_values(current, desired)
end

local function caught_up(ctx, target, desired)
  for _, values in pairs(authoritative(ctx, target.name, desired.type)) do
    if not dns_record.same_values(desired.type, values, desired.values) then return false end
  end
  return true
end

-- Route 53 lists a record before its name servers have it. A run that crashed while it waited has lost the change's id,
-- so this asks the name servers; where they cannot be reached, the list must do.
local function probe(ctx, target, desired)
  local current = read(ctx, target)
  if desired == nil then return current == nil and "done" or "absent" end
  if not current or not equal(current, desired) then return "absent" end
  pcall(task.timeout, CAUGHT_UP, function()
    while not caught_up(ctx, target, desired) do
      task.sleep(1)
    end
  end)
  return "done"
end

-- The zone's id, which Route 53 tells if it answers now; a command asks for it otherwise.
local function zone_by_hand(ctx, name)
  local client = ctx:client "aws.route53"
  local ok, zone = pcall(client.zone_of, client, name)
  if ok then return zone end
  local domain = granted_domain(ctx, name) or name
  local parent = domain:match "%.(.*)$" or domain
  local words = { "aws", "route53", "list-hosted-zones-by-name", "--dns-name", parent, "--max-items", "1" }
  return ctx:variable("ZONE", shell.command(words) .. " --query 'HostedZones[0].Id' --output text")
end

-- A record set as Route 53 has it.
local function record_set(name, record)
  local values = {}
  for i, each in ipairs(record.values) do
    values[i] = { Value = each }
  end
  return { Name = name, Type = record.type, TTL = record.ttl, ResourceRecords = values }
end

local function by_hand(ctx, target, desired, before)
  local changes = {}
  local is_known = before ~= nil and not value.is_unknown(before)
  if is_known and (not desired or before.type ~= desired.type) then
    changes[1] = { Action = "DELETE", ResourceRecordSet = record_set(target.name, before) }
  end
  if desired then
    local wanted = ctx:filled(desired)
    changes[#changes + 1] = { Action = "UPSERT", ResourceRecordSet = record_set(target.name, wanted) }
  end
  local words = { "aws", "route53", "change-resource-record-sets", "--hosted-zone-id", zone_by_hand(ctx, target.name) }
  local change = shell.command(words) .. " --query ChangeInfo.Id --output text --change-batch file:///dev/stdin"
  return {
    shell.with_json({ Changes = changes }, change, "xargs aws route53 wait resource-record-sets-changed --id"),
  }
end

-- What a name server says, asked as o2x asks it.
local function dig(ctx, name, kind)
  local words = { "dig", "+short" }
  local server = (ctx.config.dns and ctx.config.dns.servers or {})[1]
  local host, port = tostring(server):match "^(.*):(%d+)$"
  if server then words[3] = "@" .. (host or server) end
  if port then table.move({ "-p", port }, 1, 2, 4, words) end
  table.move({ name, (kind or "A"):upper() }, 1, 2, #words + 1, words)
  return shell.command(words)
end

local record = {
  kind = "dns.record",
  class = "probed",
  guard = "one batch deletes exactly the record set that was read, and creates the new one",
  undo = {
    before = "the record set: type, TTL, values, alias",
    how = "restores the record set; deletes a new one",
    cannot = "caches, which keep the old answer up to its TTL",
    traces = "caches of name servers keep the answers of the meantime up to their TTL",
  },
  key = key_of,
  read = read,
  equal = equal,
  write = write,
  by_hand = by_hand,
  look = function(ctx, target) return { dig(ctx, target.name, target.type) } end,
  probe = probe,
  predict = function(ctx, target, desired, before, taken)
    local _, zone = ctx:client("aws.route53"):zone_of(target.name)
    check_apex(target, desired, zone)
    refuse_special(target, before)
    refuse_foreign(ctx, target, desired, before, taken)
    return desired
  end,
}

local function ensure_record(ctx, given)
  local kind = type(given.type) == "string" and given.type:upper() or ""
  if kind == "" or type(given.name) ~= "string" or type(given.values) ~= "table" or not given.values[1] then
    errors.input(
      "dns.ensure_record: expected name, type and values",
      'dns.ensure_record { name = "x.example.com", type = "CNAME", values = { "y.example.com" } }'
    )
  end
  if not rdata.supports(kind) then
    errors.input(
      ("dns.ensure_record: %s: records of type %s are not supported"):format(given.name, given.type),
      "types: " .. table.concat(rdata.TYPES, " ")
    )
  end
  scope.domain(ctx.scope.dns, given.name, "DNS name")
  local target = { name = dns_record.name(given.name), type = kind, takeover = given.takeover or nil }
  local desired = { type = kind, ttl = given.ttl or DEFAULT_TTL, values = plain_values(kind, given.values) }
  local known = not value.has_unknown(desired.values)
  local problem = known
    and dns_record.problem { name = target.name, type = kind, ttl = desired.ttl, values = desired.values }
  if problem then errors.input(("dns.ensure_record: %s %s: %s"):format(target.name, kind, problem)) end
  desired.ttl = math.tointeger(desired.ttl)
  return ctx:effect("dns.record", target, desired)
end

-- What deletes a record set must name all of it.
local function removal(zone, each)
  if each.alias or each.policy then return nil end
  local values = {}
  for i, one in ipairs(each.values) do
    values[i] = { Value = one }
  end
  local set = { Name = each.name, Type = each.type, TTL = each.ttl, ResourceRecords = json.array(values) }
  local batch = { Changes = json.array { { Action = "DELETE", ResourceRecordSet = set } } }
  return shell.command {
    "aws",
    "route53",
    "change-resource-record-sets",
    "--hosted-zone-id",
    zone,
    "--change-batch",
    json.encode(batch),
  }
end

-- Not these: a zone's own, and names such as _acme-challenge, which belong to authorities and to mail.
local function counts(each)
  return each.type ~= "NS" and each.type ~= "SOA" and not each.name:find("^_") and not each.name:find("._", 1, true)
end

-- The records of the tenant's domains, and of all names below them.
function record.list(ctx)
  local client, found = ctx:client "aws.route53", {}
  for _, domain in ipairs(ctx.scope.dns or {}) do
    local zone = client:zone_of(domain)
    local name = dns_record.name(domain)
    local records = ctx:once(("dns %s %s"):format(zone, name), client.records_below, client, zone, name)
    for _, each in ipairs(records) do
      if counts(each) then
        found[#found + 1] = {
          target = { name = each.name, type = each.type },
          title = each.name .. " " .. describe(each),
          remove = removal(zone, each),
        }
      end
    end
  end
  return found
end

-- The records of all tenants.
function record.names(ctx)
  local client, found = ctx:client "aws.route53", {}
  for _, domain in ipairs(ctx.scope.dns) do
    local zone = client:zone_of(domain)
    for _, each in ipairs(client:records_below(zone, dns_record.name(domain))) do
      found[#found + 1] = { name = each.name, title = each.name .. " " .. describe(each), remove = removal(zone, each) }
    end
  end
  return found
end

local function api(ctx)
  return {
    --- Ensures a record set: compares it, creates or changes it, waits until it is INSYNC. Another owner's is refused
    --- unless takeover is true. Names have no trailing dot.
    ---@param given { name: string, type: string, ttl: integer?, values: string[], takeover: boolean? }
    ---@return { type: string, ttl: integer, values: string[] }
    ensure_record = function(given) return (ensure_record(ctx, given)) end,

    --- The hosted zone of a name of the tenant; raises if there is none.
    ---@param name string
    ---@return string zone its name
    zone = function(name)
      scope.domain(ctx.scope.dns, name, "DNS name")
      local client = ctx:client "aws.route53"
      local _, zone = ctx:ask("dns", client.zone_of, client, name)
      return zone
    end,

    --- The values of a name, from the system's resolver or the configured servers; an empty list if there are none.
    ---@param name string
    ---@param kind string? default: "A"
    ---@return string[] values
    ---@return string? why "NXDOMAIN" or "NODATA"
    lookup = function(name, kind)
      ctx:look(function() return { dig(ctx, name, kind) } end)
      local question = { name = name, type = kind, servers = ctx.config.dns and ctx.config.dns.servers }
      local values, why = ctx:ask("dns servers", dns.values, question)
      return strip((kind or "A"):upper(), values), why
    end,

    --- The values that each authoritative server of the name's zone returns, without caches.
    ---@param name string
    ---@param kind string
    ---@return table<string, string[]> values by server
    authoritative = function(name, kind)
      ctx:look(function() return { dig(ctx, name, kind) } end)
      return ctx:ask("dns servers", authoritative, ctx, name, kind:upper())
    end,
  }
end

return { name = "dns", declares = "dns:write", types = { record }, api = api }
