--- The controller manager: a change in the store enqueues keys, `run` reconciles them until the queue is empty. Delayed
--- work is a timer on the lab's clock.
local deletion = require "lab.k8s.deletion"
local memento = require "lab.memento"
local task = require "o2x.base.task"
local value = require "lab.k8s.value"

local M = {}

-- seconds between checks of the timers, so that an advanced clock is noticed
local TICK = 0.5
-- reconciliations per run; two controllers that trigger each other for ever are a bug, which must not hang the lab
local MAX_ROUNDS = 100000

---@class lab.k8s.Controllers
---@field store lab.k8s.Store
---@field lab table
---@field settings { ready: number, broken: table[] }
local Controllers = {}
Controllers.__index = Controllers

--- Creates the controller manager of a store.
---@param store lab.k8s.Store
---@param lab table
---@param settings table kept on disk: ready (seconds until a pod is ready), broken (rules, see pods.lua)
---@return lab.k8s.Controllers
function M.new(store, lab, settings)
  local self = setmetatable({
    store = store,
    lab = lab,
    settings = settings,
    queue = {},
    queued = {},
    first = 1,
    last = 0,
    timers = {},
    reconcilers = {},
    sources = {},
  }, Controllers)
  table.insert(store.listeners, function(change) self:on_change(change) end)
  return self
end

--- Registers a reconciler: `fn(controllers, namespace, name)` is called when its object may have changed.
---@param name string
---@param store string? changes of these objects are its concern
---@param fn fun(controllers: table, namespace: string?, name: string)
function Controllers:reconciler(name, store, fn)
  self.reconcilers[name] = fn
  if store then
    self:on(store, function(_, object) self:enqueue(name, object.metadata.namespace, object.metadata.name) end)
  end
end

--- Calls `fn(change, object)` at each change of a store's objects.
---@param store string
---@param fn fun(change: table, object: table)
function Controllers:on(store, fn)
  self.sources[store] = self.sources[store] or {}
  table.insert(self.sources[store], fn)
end

--- Passes a change of the store to those who watch its objects.
---@param change table
function Controllers:on_change(change)
  for _, fn in ipairs(self.sources[change.store] or {}) do
    fn(change, change.object)
  end
  local meta = change.object.metadata
  if change.type == "DELETED" then
    self:enqueue("garbage", nil, meta.uid)
  elseif deletion.held(change.object) then
    self:enqueue("release", meta.namespace, change.store .. " " .. meta.name)
  end
end

--- Enqueues an object for a reconciler.
---@param reconciler string
---@param namespace string?
---@param name string
function Controllers:enqueue(reconciler, namespace, name)
  local key = reconciler .. " " .. (namespace or "") .. "/" .. name
  if self.queued[key] then return end
  self.queued[key] = true
  self.last = self.last + 1
  self.queue[self.last] = { key = key, reconciler = reconciler, namespace = namespace, name = name }
end

--- Enqueues the owner of an object.
---@param object table
---@param kind string
---@param reconciler string
function Controllers:enqueue_owner(object, kind, reconciler)
  for _, owner in ipairs(object.metadata.ownerReferences or {}) do
    if owner.kind == kind then self:enqueue(reconciler, object.metadata.namespace, owner.name) end
  end
end

--- Reconciles one item; an error goes to the log of the lab.
---@param item table of the queue
function Controllers:step(item)
  local ok, problem = xpcall(self.reconcilers[item.reconciler], debug.traceback, self, item.namespace, item.name)
  if not ok then self.lab.log(("k8s controller %s: %s"):format(item.key, tostring(problem))) end
end

--- Reconciles until the queue is empty. Reconcilers never wait, so nothing else runs in between.
function Controllers:run()
  if self.running then return end
  self.running = true
  for _ = 1, MAX_ROUNDS do
    local item = self.queue[self.first]
    if not item then break end
    self.queue[self.first], self.queued[item.key] = nil, nil
    self.first = self.first + 1
    self:step(item)
  end
  self.running = false
end

--- When the next timer is due.
---@return number? time of the store's clock; nil if there is no timer
function Controllers:next_due()
  local due
  for _, timer in pairs(self.timers) do
    due = math.min(due or timer.due, timer.due)
  end
  return due
end

--- Reconciles what the timers that are due stand for.
function Controllers:fire()
  local now, due = self.store.clock(), {}
  for name, timer in pairs(self.timers) do
    if timer.due <= now then due[#due + 1] = name end
  end
  table.sort(due)
  for _, name in ipairs(due) do
    local timer = self.timers[name]
    self.timers[name] = nil
    self:enqueue(timer.reconciler, timer.namespace, timer.name)
  end
  self:run()
end

--- Enqueues a key after a delay. There is one timer per key: the earlier one is kept.
---@param seconds number
---@param reconciler string
---@param namespace string?
---@param name string
function Controllers:after(seconds, reconciler, namespace, name)
  local key, due = reconciler .. " " .. (namespace or "") .. "/" .. name, self.store.clock() + seconds
  local old = self.timers[key]
  if old and old.due <= due then return end
  self.timers[key] = { due = due, reconciler = reconciler, namespace = namespace, name = name }
  self:tick_if_needed()
end

--- Has the timers looked at, if there are any.
function Controllers:tick_if_needed()
  if self.wake then self.wake:set() end
  if not self.ticker and next(self.timers) then self.ticker = task.spawn(function() self:tick() end) end
end

--- Cancels a timer.
---@param reconciler string
---@param namespace string?
---@param name string
function Controllers:cancel_after(reconciler, namespace, name)
  self.timers[reconciler .. " " .. (namespace or "") .. "/" .. name] = nil
  if not next(self.timers) and self.wake then self.wake:set() end
end

--- Waits for the timers and reconciles what is due, until no timer is left.
function Controllers:tick()
  local wake <close> = task.event()
  self.wake = wake
  while next(self.timers) do
    local left = self:next_due() - self.store.clock()
    if left > 0 then task.wait(wake, math.min(left, TICK)) end
    wake:clear()
    if next(self.timers) then self:fire() end
  end
  self.ticker, self.wake = nil, nil
end

--- Stops the timers and the tasks that sign certificates.
function Controllers:stop()
  self.timers = {}
  if self.ticker then self.ticker:cancel() end
  for _, signing in pairs(self.signing) do
    signing:cancel()
  end
end

--- Is something under way that changes objects without a request?
---@return boolean
function Controllers:busy() return self.running or next(self.signing) ~= nil or self.queue[self.first] ~= nil end

--- Keeps the timers.
---@return fun() put_back
function Controllers:keep()
  local kept = memento.keep(self.timers, 1)
  return function()
    for _, signing in pairs(self.signing) do
      signing:cancel()
    end
    memento.empty(self.signing)
    for i = self.first, self.last do
      local item = self.queue[i]
      if item then
        self.queue[i], self.queued[item.key] = nil, nil
      end
    end
    self.first = self.last + 1
    memento.put_back(kept)
    self:tick_if_needed()
  end
end

--- Enqueues all objects, after a start.
function Controllers:resync()
  for store, sources in pairs(self.sources) do
    for _, object in ipairs(self.store:list(store)) do
      for _, fn in ipairs(sources) do
        fn({ type = "ADDED", store = store, object = object }, object)
      end
    end
  end
  self:run()
end

--- Updates the status of an object if it differs.
---@param store string
---@param object table the one in the store
---@param new_status table
---@return table object the one now in the store
function Controllers:set_status(store, object, new_status)
  if value.equal(object.status, new_status) then return object end
  return self.store:put(store, value.merged(object, { status = new_status, metadata = value.merged(object.metadata) }))
end

local CHANGED_LEVELS <const> = 3 -- the object, its metadata, spec and status, and the tables in these

--- Changes a copy of an object by `fn` and stores it if it differs.
---@param store string
---@param object table
---@param fn fun(copy: table) may change fields of the first three levels in place; what is deeper is the object's own
---@return table object
function Controllers:change(store, object, fn)
  local copy = value.copy(object, CHANGED_LEVELS)
  fn(copy)
  if value.equal(copy, object) then return object end
  return self.store:put(store, copy)
end

--- Creates an object.
---@param store string
---@param object table apiVersion, kind, metadata.name …
---@return table
function Controllers:make(store, object)
  local meta = object.metadata
  meta.uid, meta.creationTimestamp = self.store:uid(), self.store:time()
  return self.store:put(store, object)
end

--- The owner references of an object that a controller creates for `owner`.
---@param owner table
---@return table[] ownerReferences of what `owner` controls
function M.owned_by(owner)
  return value.array {
    {
      apiVersion = owner.apiVersion,
      kind = owner.kind,
      name = owner.metadata.name,
      uid = owner.metadata.uid,
      controller = true,
      blockOwnerDeletion = true,
    },
  }
end

--- A status condition. Its transition time is kept while the status stays the same.
---@param list table[]? the conditions so far
---@param condition table type, status, reason, message
---@param now string
---@param updates boolean? the condition has a lastUpdateTime
---@return table
function M.condition(list, condition, now, updates)
  for _, old in ipairs(list or {}) do
    if old.type == condition.type and old.status == condition.status then
      condition.lastTransitionTime = old.lastTransitionTime
      if updates and old.reason == condition.reason and old.message == condition.message then
        condition.lastUpdateTime = old.lastUpdateTime
      end
    end
  end
  condition.lastTransitionTime = condition.lastTransitionTime or now
  if updates then condition.lastUpdateTime = condition.lastUpdateTime or now end
  return condition
end

return M
