--- An item of a picture as a flat table, path → text, by the rules of what differs between honest runs.

local json = require "o2x.base.json"
local rules = require "lab.picture.rules"

local M = {}

-- The rules of a part as a tree: name → tree, with the rule at its end in [RULE].
local RULE <const> = {}

local function add(tree, rule)
  for name in rule.path:gmatch "%S+" do
    tree[name] = tree[name] or {}
    tree = tree[name]
  end
  tree[RULE] = rule
end

local by_part = {}
for _, rule in ipairs(rules.LIST) do
  by_part[rule.part] = by_part[rule.part] or {}
  table.insert(by_part[rule.part], rule)
end

-- One tree for each set of rules that an item's name selects.
local trees = {}
local function tree_for(part, item)
  local chosen, key = {}, part
  for i, rule in ipairs(by_part[part] or {}) do
    if not rule.item or item:find(rule.item) then
      chosen[#chosen + 1] = rule
      if rule.item then key = key .. " " .. i end
    end
  end
  if not trees[key] then
    trees[key] = {}
    for _, rule in ipairs(chosen) do
      add(trees[key], rule)
    end
  end
  return trees[key]
end

local function text_of(value)
  if type(value) == "string" then return value end
  if value == json.null then return "null" end
  return json.encode(value)
end

local function note(flat, path, value, rule)
  if rule.as == "whether set" then
    if value ~= "" then flat[path] = "set" end
  elseif rule.as == "generated" then
    flat[path] = { generated = text_of(value) }
  end
end

local walk

local function walk_table(flat, prefix, value, trees_here)
  local count = 0
  for key, each in pairs(value) do
    count = count + 1
    local name = tostring(key)
    local below, rule = {}, nil
    for _, tree in ipairs(trees_here) do
      if tree["**"] then rule = tree["**"][RULE] end
      below[#below + 1] = tree[name]
      below[#below + 1] = tree["*"]
    end
    for _, tree in ipairs(below) do
      rule = rule or tree[RULE]
    end
    local path = prefix and prefix .. "." .. name or name
    if rule then
      note(flat, path, each, rule)
    else
      walk(flat, path, each, below)
    end
  end
  if count == 0 and prefix then flat[prefix] = json.is_array(value) and "[]" or "{}" end
end

function walk(flat, path, value, trees_here)
  if type(value) == "table" and value ~= json.null then return walk_table(flat, path, value, trees_here) end
  flat[path or ""] = text_of(value)
end

--- The flat form of an item.
---@param part string
---@param name string of the item
---@param value any plain data
---@return table<string, string|{ generated: string }>
function M.flat(part, name, value)
  local flat = {}
  walk(flat, nil, value, { tree_for(part, name) })
  return flat
end

return M
