--- Drift: what an object in the cluster has otherwise than the manifest from which it was made. A field that the
--- manifest sets must have its value; lists, and maps that select or configure, must have nothing else, and what no
--- server and no controller ever adds must not be there. Other fields are not looked at: the server fills in defaults,
--- and controllers have fields of their own.

local fields = require "o2x.client.k8s.fields"
local json = require "o2x.base.json"
local quantity = require "o2x.client.k8s.quantity"

local M = {}

---@class o2x.k8s.place where in an object a value stands
---@field kind string
---@field builtin boolean
---@field key string? the field's name; of an item of a list, the list's
---@field amounts boolean? quantities stand here
---@field literal boolean? an empty text is a value here
---@field item boolean? an item of a list
---@field of string? the key of the field above

---@type fun(live: any, wanted: any, at: o2x.k8s.place): any
local mended

local function is_list(t) return json.is_array(t) or #t > 0 end

local function below(at, key)
  return {
    kind = at.kind,
    builtin = at.builtin,
    key = key,
    of = at.key,
    amounts = at.amounts or fields.QUANTITIES[key],
    literal = fields.TEXTS[at.key] and not at.item or key == "value",
  }
end

local function item_of(at)
  return { kind = at.kind, builtin = at.builtin, key = at.key, amounts = at.amounts, literal = true, item = true }
end

-- ---- single values ----

-- The server drops what is zero, and fills in what a manifest leaves open by an empty text or a 0.
local function same_zero(live, wanted, at)
  if not at.builtin then return false end
  if wanted == "" then return live == nil or not at.literal end
  if wanted ~= false and wanted ~= 0 then return false end
  if live == nil then return not fields.ABSENT_IS_NOT_ZERO[at.key] end
  return wanted == 0 and fields.ASSIGNED[at.key] or false
end

-- A claim that was made larger cannot be made smaller again.
local function has_grown(live, wanted, at)
  local now, was = quantity.value(live), quantity.value(wanted)
  return at.kind == "PersistentVolumeClaim" and at.key == "storage" and now ~= nil and was ~= nil and now > was
end

local function same(live, wanted, at)
  if live == wanted then return true end
  if at.amounts and (quantity.equal(live, wanted) or has_grown(live, wanted, at)) then return true end
  return same_zero(live, wanted, at)
end

-- ---- lists ----

-- A list's items are told apart by their keys unless two have the same.
local function keys_of(wanted, at)
  local keys = at.builtin and fields.MERGE_KEYS[at.key]
  if not keys then return nil end
  for _, item in ipairs(wanted) do
    if type(item) ~= "table" then return nil end
  end
  local counterpart = fields.counterparts(wanted, keys)
  for _, item in ipairs(wanted) do
    if counterpart(item) ~= item then return nil end
  end
  return keys
end

local function by_keys(live, wanted, keys, at)
  local out, changed = json.array {}, false
  local used, counterpart = {}, fields.counterparts(live, keys)
  for i, item in ipairs(wanted) do
    local element = counterpart(item)
    out[i] = mended(element or {}, item, item_of(at))
    changed = changed or out[i] ~= element
    if element then used[element] = true end
  end
  local open = (fields.OPEN_LISTS[at.kind] or {})[at.key]
  for _, element in ipairs(live) do
    if not used[element] and open then out[#out + 1] = element end
    if not used[element] and not open then changed = true end
  end
  return changed and out or live
end

-- An item without what the server had filled in, since that may belong to another one.
local function fresh(item, at) return type(item) == "table" and mended({}, item, item_of(at)) or item end

local function by_position(live, wanted, at)
  local out, changed = json.array {}, #live ~= #wanted
  for i, item in ipairs(wanted) do
    local element = live[i]
    local agrees = element ~= nil and mended(element, item, item_of(at)) == element
    out[i] = agrees and element or fresh(item, at)
    changed = changed or not agrees
  end
  return changed and out or live
end

local function mended_list(live, wanted, at)
  if type(live) ~= "table" then
    if #wanted == 0 then return live end
    live = json.array {}
  end
  local keys = keys_of(wanted, at)
  if keys then return by_keys(live, wanted, keys, at) end
  return by_position(live, wanted, at)
end

-- ---- maps ----

-- The fields that the server would not take beside those that are wanted.
local function excluded(wanted, at)
  local out = {}
  for _, group in ipairs(at.builtin and fields.ALTERNATIVES or {}) do
    local chosen
    for _, name in ipairs(group) do
      if type(wanted[name]) == "table" and wanted[name] ~= json.null then chosen = name end
    end
    for _, name in ipairs(chosen and group or {}) do
      out[name] = name ~= chosen or nil
    end
  end
  local strategy = at.key == "strategy" or at.key == "updateStrategy"
  if strategy and wanted.type and wanted.type ~= "RollingUpdate" then out.rollingUpdate = true end
  return out
end

local function is_closed(at)
  if not at.builtin then return false end
  if at.item then return fields.CLOSED_ITEMS[at.key] end
  return fields.CLOSED[at.key]
end

local function copy_of(map)
  local out = {}
  for name, item in pairs(map) do
    out[name] = item
  end
  return out
end

local CONTAINERS <const> = { containers = true, initContainers = true }

-- Fields that nobody but the manifest sets here; nil if there are none such.
local function set_only(at)
  if not at.builtin then return nil end
  if at.item then return CONTAINERS[at.key] and fields.SET_ONLY.container end
  if at.key ~= "spec" then return nil end
  return at.of == "template" and fields.SET_ONLY.pod or at.of == nil and fields.SET_ONLY[at.kind]
end

-- Of these, what is live and not wanted: the names to leave out.
local function added(live, wanted, at, without)
  for name in pairs(set_only(at) or {}) do
    local item = live[name]
    local none = item == nil or item == json.null or type(item) == "table" and next(item) == nil
    local given = wanted[name]
    if name == "serviceAccount" then given = given or wanted.serviceAccountName end -- the same by its old name
    if not none and given == nil then without[name] = true end
  end
  return without
end

-- The fields of a live map that may stay.
local function remaining(live, wanted, closed, without)
  local out, changed = {}, false
  for name, item in pairs(live) do
    local stays = not without[name] and (not closed or wanted[name] ~= nil and wanted[name] ~= json.null)
    if stays then out[name] = item end
    changed = changed or not stays
  end
  return out, changed
end

local function mended_map(live, wanted, at)
  local closed, without = is_closed(at), added(live, wanted, at, excluded(wanted, at))
  local out, changed = live, false
  if closed or next(without) ~= nil then
    out, changed = remaining(live, wanted, closed, without)
  end
  for name, item in pairs(wanted) do
    local was = out[name]
    if was ~= item or type(item) == "table" then -- mostly they are equal
      local new = mended(was, item, below(at, name))
      -- Where fields are alternatives, an empty one (emptyDir: {}) is a choice.
      if new == nil and closed and type(item) == "table" and item ~= json.null then new = item end
      if not rawequal(new, was) then
        if out == live then out = copy_of(live) end
        changed = true
        out[name] = new
      end
    end
  end
  return changed and out or live
end

mended = function(live, wanted, at)
  if wanted == nil or wanted == json.null then return live end
  if type(wanted) ~= "table" then
    if same(live, wanted, at) then return live end
    return wanted
  end
  if is_list(wanted) then return mended_list(live, wanted, at) end
  if type(live) == "table" then return mended_map(live, wanted, at) end
  local new = mended_map({}, wanted, at)
  if next(new) == nil then return live end
  return new
end

-- ---- what callers see ----

local NOT_COMPARED <const> = { apiVersion = true, kind = true, metadata = true, status = true }

--- An object as it would be if its manifest were applied again and whatever was added to what it sets were removed.
---@param live table the server's object
---@param wanted table the manifest's object; the data of a Secret in the same form as there
---@return table object `live` itself if there is no drift
function M.mended(live, wanted)
  local at = { kind = wanted.kind, builtin = fields.is_builtin(wanted) }
  local set = {}
  for name, item in pairs(wanted) do
    if not NOT_COMPARED[name] then set[name] = item end
  end
  local metadata = type(wanted.metadata) == "table" and wanted.metadata or {}
  set.metadata = { labels = metadata.labels, annotations = metadata.annotations }
  return mended(live, set, at)
end

local function is_map(t) return type(t) == "table" and t ~= json.null and not is_list(t) end

--- The merge patch that makes one object of another.
---@param old table
---@param new table
---@return table patch
function M.patch(old, new)
  local patch = {}
  for name, item in pairs(new) do
    local was = old[name]
    if not rawequal(was, item) then patch[name] = is_map(was) and is_map(item) and M.patch(was, item) or item end
  end
  for name in pairs(old) do
    if new[name] == nil then patch[name] = json.null end
  end
  return patch
end

--- The paths that a patch changes, without their values: "spec.replicas", "data.level".
---@param patch table
---@param path string?
---@param into string[]?
---@return string[] sorted
function M.places(patch, path, into)
  local found = into or {}
  for name, item in pairs(patch) do
    local place = path and path .. "." .. name or name
    if is_map(item) and next(item) ~= nil then
      M.places(item, place, found)
    else
      found[#found + 1] = place
    end
  end
  if not into then table.sort(found) end
  return found
end

return M
