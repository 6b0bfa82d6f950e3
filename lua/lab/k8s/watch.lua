--- Watches: sends the changes after a resource version, then new ones until the client disconnects or a timeout.
local convert = require "lab.k8s.convert"
local json = require "o2x.base.json"
local status = require "lab.k8s.status"
local tables = require "lab.k8s.tables"
local task = require "o2x.base.task"

local M = {}

local DEFAULT_TIMEOUT = 1800
local BOOKMARK_EVERY = 60
local LAST_BOOKMARK = 2 -- seconds before the end

local Watch = {}
Watch.__index = Watch

--- Writes an event.
---@param kind string
---@param object table
---@return boolean open false: the client is gone
function Watch:emit(kind, object) return self.writer:write(json.encode { type = kind, object = object } .. "\n") end

--- Writes an event with an object in the version and form that the client asked for.
---@param kind string
---@param object table as stored
---@return boolean open
function Watch:send(kind, object)
  object = convert.from_stored(self.kind, object)
  if self.view.table then
    object = tables.render(
      self.kind,
      { object },
      { resourceVersion = object.metadata.resourceVersion },
      { now = self.store.clock(), include = self.view.include, headless = self.headed }
    )
    self.headed = true
  end
  return self:emit(kind, object)
end

--- Writes a bookmark with the current resource version.
---@param annotations table?
---@return boolean open
function Watch:bookmark(annotations)
  return self:emit("BOOKMARK", {
    kind = self.kind.kind,
    apiVersion = self.kind.api_version,
    metadata = { resourceVersion = tostring(self.store:version()), annotations = annotations },
  })
end

--- Is an object in the selection of this watch?
---@param object table?
---@return boolean?
function Watch:matches(object)
  return object and (not self.namespace or object.metadata.namespace == self.namespace) and self.filter(object)
end

--- a change as seen by this watch: an object that leaves its selection is deleted, one that enters it is added
---@param change table
---@return boolean open
function Watch:deliver(change)
  if change.store ~= self.kind.store then return true end
  local now = change.type ~= "DELETED" and self:matches(change.object)
  local before = self:matches(change.before)
  if now then return self:send(before and "MODIFIED" or "ADDED", change.object) end
  if before then return self:send("DELETED", change.object) end
  return true
end

--- Ends the watch: the changes since a resource version are gone.
---@param rv string|integer
function Watch:too_old(rv)
  local _, body = status.expired(("too old resource version: %s (%d)"):format(rv, self.store.oldest))
  self:emit("ERROR", body)
end

--- the existing objects
---@param wants_end boolean whether a bookmark marks their end
function Watch:initial(wants_end)
  for _, object in ipairs(self.store:list(self.kind.store, self.namespace)) do
    if self:matches(object) then self:send("ADDED", object) end
  end
  if wants_end then self:bookmark { ["k8s.io/initial-events-end"] = "true" } end
end

--- Finds where to start, and sends the existing objects if the client wants them.
---@param query table<string, string>
---@return boolean started
function Watch:start(query)
  local store, rv = self.store, query.resourceVersion
  local whole = query.sendInitialEvents == "true"
  if whole or not rv or rv == "" or rv == "0" then
    self.at = store.last + 1
    if query.sendInitialEvents ~= "false" then self:initial(whole) end
    return true
  end
  self.at = store:since(math.tointeger(tonumber(rv)) or 0)
  if not self.at then self:too_old(rv) end
  return self.at ~= nil
end

--- Sends changes until the timeout or until the client is gone.
---@param seconds number
---@param bookmarks boolean whether the client wants bookmarks
function Watch:run(seconds, bookmarks)
  local store, deadline = self.store, task.now() + seconds
  local last_bookmark = deadline - LAST_BOOKMARK
  local function following(now)
    return now < last_bookmark and math.min(now + BOOKMARK_EVERY, last_bookmark) or math.huge
  end
  local next_bookmark = following(task.now())
  while not self.writer:closed() do
    if self.at < store.first then return self:too_old(store.oldest) end
    while self.at <= store.last do
      self.at = self.at + 1
      if self:deliver(store.history[self.at - 1]) == false then return end
    end
    local now = task.now()
    if now >= deadline then
      return
    elseif bookmarks and now >= next_bookmark then
      self:bookmark()
      next_bookmark = following(now)
    end
    task.wait(self.changed, math.min(deadline, next_bookmark) - now)
    self.changed:clear()
  end
end

--- Serves a watch until it ends.
---@param store lab.k8s.Store
---@param req table
---@param kind lab.k8s.Kind
---@param namespace string?
---@param filter fun(object: table): boolean
---@param view { table: boolean?, include: string? }
function M.serve(store, req, kind, namespace, filter, view)
  local changed <close> = task.event()
  local writer = req:stream(200, { ["Content-Type"] = "application/json" })
  local self = setmetatable({
    store = store,
    kind = kind,
    namespace = namespace,
    filter = filter,
    view = view,
    writer = writer,
    changed = changed,
  }, Watch)
  writer:notify(changed)
  store.waiting[changed] = true
  local ok, problem = pcall(function()
    if self:start(req.query) then
      self:run(tonumber(req.query.timeoutSeconds) or DEFAULT_TIMEOUT, req.query.allowWatchBookmarks == "true")
    end
  end)
  store.waiting[changed] = nil
  writer:close()
  if not ok then error(problem, 0) end
end

return M
