--- The objects, the resource version, and the history that watches read. Objects in the store are never changed in
--- place: a write replaces the table, so that a reference to the old one stays valid.
local label_index = require "lab.k8s.label_index"
local memento = require "lab.memento"
local uuid = require "lab.uuid"
local value = require "lab.k8s.value"

local M = {}

-- changes in the history; a watch that is further behind gets "resource version too old"
local HISTORY = 2000

---@class lab.k8s.Store
---@field state table           kept on disk: { rv, objects = { [store] = { [key] = object } } }
---@field save fun()
---@field clock fun(): number
---@field history table[]       { rv, type, store, object, before }
---@field listeners function[]  called with each change
---@field waiting table          events of the watches, set at each change
local Store = {}
Store.__index = Store

---@param namespace string?
---@param name string
---@return string
local function key_of(namespace, name) return (namespace or "") .. "/" .. name end

local function each_owner(object, fn)
  for _, owner in ipairs(object.metadata.ownerReferences or {}) do
    fn(owner.uid)
  end
end

--- Opens a store.
---@param options { state: table, save: fun(), clock: fun(): number }
---@return lab.k8s.Store
function M.new(options)
  local state = options.state
  state.rv = state.rv or 0
  state.objects = state.objects or {}
  local self = setmetatable({
    state = state,
    save = options.save,
    clock = options.clock,
    history = {},
    first = 1,
    last = 0,
    oldest = state.rv,
    listeners = {},
    waiting = {},
    dependents = {},
    labels = label_index.new(),
    sorted = {}, -- keys in order, by store
  }, Store)
  for store, objects in pairs(state.objects) do
    for key, object in pairs(objects) do
      self:index(store, key, nil, object)
    end
  end
  return self
end

--- Indexes the dependents of each owner, so that a deletion finds them without a search, and labels.
---@param store string path of the objects
---@param key string
---@param before table? object until now
---@param object table? object from now on
function Store:index(store, key, before, object)
  local id = store .. " " .. key
  self.labels:changed(store, key, before, object)
  if not before or not object then self.sorted[store] = nil end
  if before then
    each_owner(before, function(uid)
      if self.dependents[uid] then self.dependents[uid][id] = nil end
    end)
  end
  if object then
    each_owner(object, function(uid)
      self.dependents[uid] = self.dependents[uid] or {}
      self.dependents[uid][id] = { store = store, key = key }
    end)
  end
end

--- An object by name.
---@param store string
---@param namespace string?
---@param name string
---@return table?
function Store:get(store, namespace, name)
  local objects = self.state.objects[store]
  return objects and objects[key_of(namespace, name)]
end

-- The keys of a store in order.
local function keys_of(self, store, objects)
  local keys = self.sorted[store]
  if not keys then
    keys = value.keys(objects)
    self.sorted[store] = keys
  end
  return keys
end

--- The objects of a store, or of one namespace of it, in the order of namespace and name.
---@param store string
---@param namespace string?
---@param requirements table[]? of a label selector: objects that cannot match are left out, others need not match
---@return table[]
function Store:list(store, namespace, requirements)
  local list, prefix = {}, namespace and namespace .. "/"
  local objects = self.state.objects[store] or {}
  local keys = requirements and self.labels:keys(store, requirements, objects)
  if keys then table.sort(keys) end
  for _, key in ipairs(keys or keys_of(self, store, objects)) do
    if not prefix or key:sub(1, #prefix) == prefix then list[#list + 1] = objects[key] end
  end
  return list
end

--- The objects that name `uid` as an owner.
---@param uid string
---@return table[] { store, object }
function Store:owned(uid)
  local ids, list = value.keys(self.dependents[uid]), {}
  for _, id in ipairs(ids) do
    local at = self.dependents[uid][id]
    table.insert(list, { store = at.store, object = self.state.objects[at.store][at.key] })
  end
  return list
end

--- A new uid.
---@return string
function Store:uid() return uuid() end

--- The current time in the API's format.
---@return string
function Store:time() return value.time(self.clock()) end

--- Records a change: in the state, the index, the history, and for those who listen.
---@param kind "ADDED"|"MODIFIED"|"DELETED"
---@param store string path of the objects
---@param key string
---@param object table
---@param before table? object until now
function Store:record(kind, store, key, object, before)
  local state = self.state
  state.objects[store] = state.objects[store] or {}
  state.objects[store][key] = kind ~= "DELETED" and object or nil
  self:index(store, key, before, kind ~= "DELETED" and object or nil)
  self.last = self.last + 1
  local change = { rv = state.rv, type = kind, store = store, object = object, before = before }
  self.history[self.last] = change
  if self.last - self.first >= HISTORY then
    self.oldest = self.history[self.first].rv
    self.history[self.first] = nil
    self.first = self.first + 1
  end
  self.save()
  for _, listener in ipairs(self.listeners) do
    listener(change)
  end
  for event in pairs(self.waiting) do
    event:set()
  end
end

--- Stores a new or changed object with the next resource version.
---@param store string
---@param object table becomes the store's
---@return table object
function Store:put(store, object)
  local meta = object.metadata
  local key = key_of(meta.namespace, meta.name)
  local before = self.state.objects[store] and self.state.objects[store][key]
  self.state.rv = self.state.rv + 1
  meta.resourceVersion = tostring(self.state.rv)
  self:record(before and "MODIFIED" or "ADDED", store, key, object, before)
  return object
end

--- Adds many objects at once, as when a cluster is brought back from a backup: no controller hears of them, and watches
--- of before are too old.
---@param list { store: string, object: table }[] whole, with all that controllers made of them
function Store:load(list)
  local state = self.state
  for _, item in ipairs(list) do
    local meta = item.object.metadata
    state.rv = state.rv + 1
    meta.resourceVersion = tostring(state.rv)
    state.objects[item.store][key_of(meta.namespace, meta.name)] = item.object
    self:index(item.store, key_of(meta.namespace, meta.name), nil, item.object)
  end
  self.history, self.first, self.last, self.oldest = {}, self.last + 2, self.last + 1, state.rv
  self.save()
  for event in pairs(self.waiting) do
    event:set()
  end
end

--- Removes an object.
---@param store string
---@param object table the one in the store
function Store:remove(store, object)
  self.state.rv = self.state.rv + 1
  local deleted = value.merged(object)
  deleted.metadata = value.merged(object.metadata, { resourceVersion = tostring(self.state.rv) })
  self:record("DELETED", store, key_of(deleted.metadata.namespace, deleted.metadata.name), deleted, object)
end

--- The changes after a resource version.
---@param rv integer
---@return integer? position where they begin in the history; nil: too long ago
function Store:since(rv)
  if rv < self.oldest then return nil end
  local low, high = self.first, self.last + 1
  while low < high do
    local middle = (low + high) // 2
    if self.history[middle].rv > rv then
      high = middle
    else
      low = middle + 1
    end
  end
  return low
end

--- Keeps everything but the state itself (its owner keeps that): index and history.
---@return fun() put_back
function Store:keep()
  local kept = memento.keep(self, 1)
  local history, dependents = memento.keep(self.history, 1), memento.keep(self.dependents, 2)
  return function()
    memento.put_back(kept)
    memento.put_back(history)
    memento.put_back(dependents)
    self.labels, self.sorted = label_index.new(), {} -- the state is put back by its owner
  end
end

--- The current resource version.
---@return integer
function Store:version() return self.state.rv end

return M
