--- Where the target of an effect is in a picture of the lab, for what an undo says that it leaves. A kind that is not
--- here leaves nothing: what differs there counts.

local M = {}

-- "PREFIX:*" → the text that names begin with
local function prefix(key) return (key:gsub("%*$", "")) end

local function starts(name, text) return name:sub(1, #text) == text end

local function service(name, _, tenant) return name == "services of " .. tenant end

-- "DATABASE FOLDER" → everything in the database
local function database(name, key)
  local wanted = key:match "^%S+"
  return starts(name, wanted .. " ") or name == "database " .. wanted
end

-- "DATABASE SCHEMA.TABLE where id = 'x'" → the rows of the table, of these the one with such values in its key
local function table_of(name, key)
  local base, of = key:match "^(%S+) (%S+) where "
  return base ~= nil and name == ("%s rows %s"):format(base, of)
end

local function row(path, key)
  local all = true
  for text in key:gmatch "= '?([^' ]+)'?" do
    all = all and (" " .. path:gsub("^row (.-)%.%d+%..*$", "%1") .. " "):find(" " .. text .. " ", 1, true) ~= nil
  end
  return all
end

local function object(name, key) return name == "object " .. key:gsub("^s3://", "") end

-- Kind → part of the picture; whether an item is, or holds, the target with a key; which paths are the target's.
local PLACES <const> = {
  ["k8s.secret"] = { "k8s", function(name, key) return name == "Secret " .. key end },
  ["pg.migration"] = { "postgres", database },
  ["pg.migration_history"] = { "postgres", database },
  ["redis.keys"] = { "redis", function(name, key) return starts(name:gsub("^%d+ ", ""), prefix(key)) end },
  ["pg.allocated"] = { "postgres", table_of, row },
  ["pg.row"] = { "postgres", table_of, row },
  ["s3.object"] = { "aws", object },
  ["vault.secret"] = { "vault", function(name, key) return name == key end },
  ["service.object"] = { "services", service },
  ["service.proved"] = { "services", service },
  ["service.repeatable"] = { "services", service },
  ["service.request"] = { "services", service },
}

--- The paths of an item that one of the effects names.
---@param effects { kind: string, key: string }[]
---@param part string
---@param name string of the item
---@param tenant string
---@return (fun(path: string): boolean)? is_named nil: none
function M.named(effects, part, name, tenant)
  local found
  for _, one in ipairs(effects) do
    local place, others = PLACES[one.kind], found
    if place and place[1] == part and place[2](name, one.key, tenant) then
      found = function(path) return place[3] == nil or place[3](path, one.key) or others ~= nil and others(path) end
    end
  end
  return found
end

return M
