--- What ordinary clients see of a lab, to the byte: part → text. Objects with their resourceVersion, secrets with their
--- versions, keys with their values, files with their modes and times.

local json = require "o2x.base.json"

local M = {}

local PARTS <const> = {}

-- A dump of a newer minor version begins with a random token.
function PARTS.databases(lab)
  local names, parts = lab:sql("postgres", "select datname from pg_database where datallowconn order by 1"), {}
  for name in names:gmatch "[^\n]+" do
    parts[#parts + 1] = lab:out("pg_dump", "-d", name):gsub("\\u?n?restrict [^\n]*", "")
  end
  local roles = "select r.*, d.* from pg_roles r, pg_database d order by r.oid, d.oid"
  parts[#parts + 1] = lab:sql("postgres", roles)
  return table.concat(parts, "\n")
end

function PARTS.vault(lab)
  local parts = {}
  local function ask(method, path)
    local url = lab.env.VAULT_ADDR .. "/v1/secret/" .. path
    return lab:out("curl", "-sS", "-X", method, "-H", "X-Vault-Token: " .. lab.env.VAULT_TOKEN, url)
  end
  local function walk(folder)
    for _, name in ipairs((json.decode(ask("LIST", "metadata/" .. folder)).data or { keys = {} }).keys) do
      if name:sub(-1) == "/" then
        walk(folder .. name)
      else
        local metadata = json.decode(ask("GET", "metadata/" .. folder .. name)).data
        parts[#parts + 1] = folder .. name .. " " .. json.encode(metadata)
      end
    end
  end
  walk ""
  return table.concat(parts, "\n")
end

function PARTS.objects(lab)
  local kinds = lab:out("kubectl", "api-resources", "--verbs=list", "-o", "name"):gsub("\n", ",")
  local parts = {}
  for _, item in ipairs(lab:kubectl("get", kinds, "-A", "-o", "json").items) do
    -- Metrics are measured at each question.
    if not item.apiVersion:find "^metrics" then parts[#parts + 1] = json.encode(item) end
  end
  table.sort(parts)
  return table.concat(parts, "\n")
end

function PARTS.files(lab)
  local find = [[cd "$1" && find . -printf '%p %y %m %U %s %i %T@ %C@\n' | LC_ALL=C sort
    find . -type f -exec sha256sum {} + | LC_ALL=C sort]]
  return lab:out("sh", "-c", find, "sh", lab.platform)
end

function PARTS.redis(lab)
  local dump = [[redis-cli -u "$REDIS_URL" --scan | LC_ALL=C sort | while read -r key
    do printf '%s ' "$key"; redis-cli -u "$REDIS_URL" DUMP "$key"; redis-cli -u "$REDIS_URL" EXPIRETIME "$key"; done]]
  return lab:out("sh", "-c", dump)
end

function PARTS.queues(lab)
  local login = ("%s:%s"):format(lab.env.O2X_BROKER_USER, lab.env.O2X_BROKER_PASSWORD)
  local question = json.encode { type = "read", mbean = "org.apache.activemq:type=Broker,*" }
  local url = lab.env.O2X_BROKER_URL .. "/api/jolokia"
  local answer = lab:out("curl", "-sS", "-u", login, "-H", "Origin: http://localhost", "-d", question, url)
  return json.encode(json.decode(answer).value or json.null)
end

-- An item a line, as differences are compared.
local function by_line(xml, item) return (xml:gsub("<" .. item .. ">", "\n%0")) end

PARTS["record sets"] = function(lab) return by_line(lab:records(), "ResourceRecordSet") end

function PARTS.snapshots(lab)
  local function all(item)
    return by_line(lab:ask_aws("rds", ("/?Action=Describe%ss&Version=2014-10-31"):format(item)), item)
  end
  return all "DBSnapshot" .. all "DBInstance"
end

function PARTS.objects_of_s3(lab)
  local parts = {}
  for name in lab:ask_aws("s3", "/"):gmatch "<Name>([^<]+)</Name>" do
    parts[#parts + 1] = by_line(lab:ask_aws("s3", ("/%s?list-type=2"):format(name)), "Contents")
  end
  assert(#parts > 0, "there are no buckets")
  return table.concat(parts, "\n")
end

--- Looks at everything.
---@param lab table of tests/support/lab.lua
---@return table<string, string>
function M.of(lab)
  local picture = {}
  for name, look in pairs(PARTS) do
    picture[name] = look(lab)
  end
  return picture
end

local function lines_of(text)
  local lines, list = {}, {}
  for line in text:gmatch "[^\n]+" do
    lines[line], list[#list + 1] = true, line
  end
  return lines, list
end

local function only_in(sign, one, other, found)
  local there = lines_of(other)
  for _, line in ipairs(select(2, lines_of(one))) do
    if not there[line] and #found < 6 then found[#found + 1] = sign .. " " .. line:sub(1, 400) end
  end
end

--- What differs, the first few lines of it.
---@param before table
---@param after table
---@return string[]
function M.differences(before, after)
  local found = {}
  for name in pairs(PARTS) do
    only_in(name .. " -", before[name], after[name], found)
    only_in(name .. " +", after[name], before[name], found)
  end
  return found
end

return M
