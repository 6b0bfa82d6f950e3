--- Watches: a list, followed by a stream of changes. After a closed connection the stream resumes at the last version
--- seen; after an expired version (410) it starts over with a new list.

local errors = require "o2x.base.error"
local http = require "o2x.client.http"
local json = require "o2x.base.json"
local limits = require "o2x.base.limits"
local retry = require "o2x.base.retry"
local shape = require "o2x.base.shape"
local status = require "o2x.client.k8s.status"
local task = require "o2x.base.task"

local M = {}

local STREAM_SECONDS = 240 -- the server is asked to end each stream then
local PAUSE_FIRST, PAUSE_LONGEST = 0.05, 5

local function state_of(items)
  local state = {}
  for _, item in ipairs(items) do
    state[item.metadata.name] = item
  end
  return state
end

local EVENT <const> =
  { type = "string", object = { code = "integer?", metadata = { "?", name = "string?", resourceVersion = "string?" } } }
local CHANGED <const> = { object = { metadata = { name = "string?", resourceVersion = "string" } } }

local Watch = {}
Watch.__index = Watch

--- Lists the objects anew and shows them.
---@return any? result of see
function Watch:list()
  local items
  items, self.version = self.client:list(self.resource, self.o)
  self.items, self.count = state_of(items), #items
  return self.see(self.items)
end

--- One event -> what `see` returned. An expired version clears self.version.
---@param event table type, object
---@return any? result of see
function Watch:take(event)
  local what = "the watch of " .. self.resource.plural
  local object = shape.check(event, EVENT, what, "k8s").object
  if event.type == "ERROR" then
    if object.code == 410 then
      self.version = nil
      return nil
    end
    local response = { status = object.code or 500, headers = {}, body = json.encode(object) }
    error(status.error(self.resource.plural, response, "watch"), 0)
  end
  self.version = shape.check(event, CHANGED, what, "k8s").object.metadata.resourceVersion
  if event.type == "BOOKMARK" then return nil end
  object.apiVersion, object.kind = self.resource.api_version, self.resource.kind
  local name = object.metadata.name or ""
  local was, is = self.items[name] and 1 or 0, event.type ~= "DELETED" and 1 or 0
  self.count = self.count + is - was
  if self.count > limits.get "rows" then limits.reached("rows", what .. ": more than %s objects") end
  self.items[name] = is == 1 and object or nil
  return self.see(self.items, event)
end

--- Opens the stream of events from the version on.
---@return table? stream nil: the version has expired
function Watch:open()
  local client, resource = self.client, self.resource
  local namespace = resource.namespaced and (self.o.namespace or client.namespace) or nil
  local stream = http.stream(client:request_options("GET", client:collection(resource, namespace), {
    query = {
      watch = "1",
      allowWatchBookmarks = "true",
      resourceVersion = self.version,
      timeoutSeconds = STREAM_SECONDS,
      labelSelector = client.grants:selector(resource, namespace, self.o.selector, self.o.name),
      fieldSelector = self.o.name and "metadata.name=" .. self.o.name or nil,
    },
  }))
  if stream.status == 200 then return stream end
  local body = stream:rest()
  stream:close()
  if stream.status == 410 then self.version = nil end
  if stream.status == 410 or stream.status == 401 and client.config:refresh() then return nil end
  error(status.error(resource.plural, { status = stream.status, headers = stream.headers, body = body }, "watch"), 0)
end

--- Reads a stream of events to its end, or until see returns something.
---@return any? result of see
---@return boolean came whether an event arrived
function Watch:follow()
  local stream <close> = self:open()
  if not stream then return nil, false end
  local came = false
  for line in stream:lines(STREAM_SECONDS + 30) do
    local whole, event = pcall(json.read, line)
    if not whole then break end -- the connection broke within a line
    came = true
    local result = self:take(event)
    if result ~= nil or not self.version then return result, true end
  end
  return nil, came
end

--- Lists and follows until see returns something; reconnects after transient errors.
---@return any result of see
function Watch:run()
  local pause = PAUSE_FIRST
  while true do
    local ok, result, came = pcall(function()
      if not self.version then
        local found = self:list()
        if found ~= nil then return found, true end
      end
      return self:follow()
    end)
    if not ok and not retry.may(result, true) then error(result, 0) end
    if ok and result ~= nil then return result end
    if ok and came then
      pause = PAUSE_FIRST
    else
      task.sleep(ok and pause or math.max(pause, result.retry_after or 0))
      pause = math.min(pause * 2, PAUSE_LONGEST)
    end
  end
end

--- Waits until an object is no longer as it was read, or the time is over.
---@param client table
---@param resource table
---@param object table as it was read
---@param seconds number
---@return boolean watched
---@return table? problem why it was not
function M.change(client, resource, object, seconds)
  local place = ("%s in %s"):format(resource.plural, object.metadata.namespace or "")
  local denied = client.unwatched[place] -- who may not watch is not asked each time
  if denied then return false, denied end
  local watch = setmetatable({
    client = client,
    resource = resource,
    o = { name = object.metadata.name, namespace = object.metadata.namespace },
    version = object.metadata.resourceVersion,
    items = {},
    count = 0,
    see = function() return true end,
  }, Watch)
  local ok, result = pcall(task.timeout, seconds, watch.follow, watch)
  if ok then return result == true end
  local problem = errors.wrap(result)
  if problem.kind == "cancelled" then error(problem, 0) end
  if problem.kind == "timeout" then return true end
  if problem.kind == "unauthorised" then client.unwatched[place] = problem end
  return false, problem
end

--- See Client:watch.
---@param client table
---@param resource table
---@param o table see Client:watch; seconds: longest wait, 300
---@param see fun(items: table<string, table>, event: table?): any?
---@return any result of see
function M.run(client, resource, o, see)
  local watch = setmetatable({ client = client, resource = resource, o = o, see = see }, Watch)
  return task.timeout(o.seconds or 300, watch.run, watch)
end

return M
