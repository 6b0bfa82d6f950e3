--- A canonical picture of everything in the lab that an ordinary client could see, so that two ends can be compared: by
--- part and item, a hash each, or everything in full (path → text), so that a difference can be named. What differs
--- between two honest runs is left out (lab.picture.rules).

local clean = require "lab.picture.clean"
local crypto = require "o2x.base.crypto"
local errors = require "o2x.base.error"
local files = require "lab.picture.files"
local json = require "o2x.base.json"
local postgres = require "lab.picture.postgres"
local redis = require "lab.picture.redis"
local simulators = require "lab.picture.simulators"
local sorted_keys = require "o2x.base.sorted_keys"

local M = {}

local PARTS <const> = {
  alerts = simulators.alerts,
  aws = simulators.aws,
  broker = simulators.broker,
  files = files.files,
  helm = simulators.helm,
  k8s = simulators.k8s,
  postgres = postgres.postgres,
  received = simulators.received,
  redis = redis.redis,
  services = simulators.services,
  vault = simulators.vault,
}

---@class lab.picture.item
---@field flat table<string, string|{ generated: string }>
---@field hash string?
---@field shared boolean? whether another picture may get it too, so that it must not be changed

-- Items that were flattened already, by what they were made of: an object that never changes.
local known = setmetatable({}, { __mode = "k" })

-- Texts that a run draws are not compared themselves, but which of them are equal: each is named after the first place
-- where it is found.
local function name_generated(items, first)
  for _, name in ipairs(sorted_keys(items)) do
    local item = items[name]
    for _, path in ipairs(item.shared and {} or sorted_keys(item.flat)) do
      local text = type(item.flat[path]) == "table" and item.flat[path].generated
      if text then
        first[text] = first[text] or ("%s %s"):format(name, path)
        item.flat[path] = text == "" and "" or "as " .. first[text]
      end
    end
  end
end

local function hash_of(item)
  item.hash = item.hash or crypto.sha256(json.encode(item.flat)):sub(1, 32)
  return item.hash
end

local function make_item(part, name, value, constant)
  if constant and known[value] then return known[value] end
  local item = { flat = clean.flat(part, name, value), shared = constant }
  if constant then known[value] = item end
  return item
end

-- The items of a part. Those with the same name (pods of one set) are told apart by a number, in the order of their
-- content.
local function collect(lab, part, full)
  local lists, items = {}, {}
  PARTS[part](lab, function(name, value, constant)
    lists[name] = lists[name] or {}
    table.insert(lists[name], make_item(part, name, value, constant))
  end, full)
  for name, list in pairs(lists) do
    if #list > 1 then table.sort(list, function(a, b) return hash_of(a) < hash_of(b) end) end
    for i, item in ipairs(list) do
      items[i == 1 and name or ("%s (%d)"):format(name, i)] = item
    end
  end
  return items
end

local function shown(items, full)
  local picture = {}
  for name, item in pairs(items) do
    picture[name] = full and item.flat or hash_of(item)
  end
  return picture
end

local function check(wanted)
  for _, part in ipairs(wanted) do
    if not PARTS[part] then
      errors.input(("no part %s"):format(tostring(part)), "parts: " .. table.concat(sorted_keys(PARTS), ", "))
    end
  end
end

-- The items of parts. In full concerns PostgreSQL only: rows, not a hash of them.
local function look(lab, wanted, full)
  local parts, first = {}, {}
  for _, part in ipairs(wanted) do
    parts[part] = collect(lab, part, full)
    name_generated(parts[part], first)
  end
  return parts
end

--- Takes a picture.
---@param lab table
---@param options { parts: string[]?, full: boolean? } parts: all if absent; full: path → text of each item instead of a
---  hash
---@return table<string, table<string, string|table<string, string>>> part → item → hash or flat table
function M.take(lab, options)
  local wanted, full = options.parts or sorted_keys(PARTS), options.full == true
  check(wanted)
  local pictures = look(lab, wanted, full)
  for part, items in pairs(pictures) do
    pictures[part] = shown(items, full)
  end
  return pictures
end

local function check_name(name)
  if type(name) ~= "string" then errors.input("a picture that is kept needs a name", 'for example {"name": "end"}') end
end

--- Keeps a picture under a name, to be compared with later ones.
---@param lab table
---@param name string
function M.keep(lab, name)
  check_name(name)
  local items = look(lab, sorted_keys(PARTS), false)
  local kept = { short = {}, full = {} }
  for part in pairs(PARTS) do
    kept.short[part], kept.full[part] = shown(items[part], false), shown(items[part], true)
  end
  kept.full.postgres = shown(collect(lab, "postgres", true), true)
  lab.pictures = lab.pictures or {}
  lab.pictures[name] = kept
end

-- The items of a part that have another hash, or are there on one side only: name → flat table, before and now.
local function unlike_items(lab, kept, part, items)
  local before, now, other = {}, {}, false
  for name, hash in pairs(kept.short[part]) do
    if not items[name] or hash_of(items[name]) ~= hash then
      before[name], other = kept.full[part][name], true
    end
  end
  for name, item in pairs(items) do
    if kept.short[part][name] ~= hash_of(item) then
      now[name], other = item.flat, true
    end
  end
  if other and part == "postgres" then
    local full = collect(lab, part, true)
    for name in pairs(now) do
      now[name] = full[name] and full[name].flat
    end
  end
  return before, now
end

--- The items in which a kept picture and what is there now differ, in full.
---@param lab table
---@param name string
---@param left_out string[]? parts
---@return { before: table, now: table } each part → item → path → text
function M.unlike(lab, name, left_out)
  check_name(name)
  local kept = lab.pictures and lab.pictures[name]
  if not kept then
    errors.input(("no picture %s"):format(name), "pictures: " .. table.concat(sorted_keys(lab.pictures or {}), ", "))
  end
  local parts, before, now = look(lab, sorted_keys(PARTS), false), {}, {}
  for _, part in ipairs(left_out or {}) do
    parts[part] = nil
  end
  for part, items in pairs(parts) do
    local old, new = unlike_items(lab, kept, part, items)
    before[part] = next(old) and old or nil
    now[part] = next(new) and new or nil
  end
  return { before = before, now = now }
end

return M
