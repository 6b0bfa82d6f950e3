--- The message broker's administration: ActiveMQ's Jolokia interface. It answers HTTP 200 around a status of its own,
--- and nothing at all without an Origin header.

local errors = require "o2x.base.error"
local http = require "o2x.client.http"
local json = require "o2x.base.json"
local scope = require "o2x.base.scope"
local secret = require "o2x.base.secret"

local M = {}

local ORIGIN <const> = "http://localhost" -- what ActiveMQ's own policy lets in

---@class o2x.broker
local Client = {}
Client.__index = Client

--- A client. Nothing is sent yet.
---@param options table url (of the web console, without /api), user, password, ca_file, scope (a function that gives
---  the granted prefixes of queue names)
---@return o2x.broker
function M.new(options)
  local password = options.password or ""
  if not secret.is(password) then password = secret.new(password, "broker password") end
  return setmetatable({
    url = options.url:gsub("/+$", ""),
    ca_file = options.ca_file,
    grants = options.scope,
    authorization = "Basic " .. ((options.user or "admin") .. ":" .. password):base64(),
  }, Client)
end

local function fail(kind, op, message, code, hint)
  errors.raise {
    kind = kind,
    module = "broker",
    op = op,
    code = code,
    message = "broker: " .. message,
    hint = hint,
    retryable = kind == "unreachable",
  }
end

local function send(client, op, command)
  local response = http.request {
    method = "POST",
    url = client.url .. "/api/jolokia",
    json = command,
    module = "broker",
    ca_file = client.ca_file,
    headers = { Authorization = client.authorization, Origin = ORIGIN },
  }
  if response.status == 401 or response.status == 403 then
    fail(
      "unauthorised",
      op,
      ("%s does not accept the user or the password"):format(client.url),
      response.status,
      "set O2X_BROKER_USER and O2X_BROKER_PASSWORD"
    )
  elseif response.status ~= 200 then
    local kind = response.status >= 500 and "unreachable" or "failed"
    fail(kind, op, ("%s answers HTTP %d"):format(client.url, response.status), response.status)
  end
  return json.decode(response.body, "broker")
end

-- A Jolokia request; nil when there is no such object.
local function call(client, op, command)
  local answer = send(client, op, command)
  if answer.status == 200 then return answer.value end
  if answer.status == 404 and answer.error_type == "javax.management.InstanceNotFoundException" then return nil end
  fail(
    answer.status == 403 and "unauthorised" or "failed",
    op,
    tostring(answer.error or "status " .. tostring(answer.status)),
    answer.status
  )
end

-- The broker's own object; its name is the broker's business, and asked once.
local function broker_object(client)
  if client.object then return client.object end
  local found = call(
    client,
    "find",
    { type = "read", mbean = "org.apache.activemq:type=Broker,brokerName=*", attribute = "BrokerName" }
  )
  local name = found and next(found)
  if not name then fail("failed", "find", ("no broker answers at %s"):format(client.url)) end
  client.object = name
  return name
end

local function broker_name(client) return broker_object(client):match("brokerName=([^,]+)") end

-- Letters, digits and - _ . only: the name goes into an object name, where much else has a meaning.
local function check_name(client, name)
  if type(name) ~= "string" or #name > 255 or not name:find("^[%w_%-%.]+$") then
    errors.input(("%q is no queue name: letters, digits, '.', '-' and '_'"):format(tostring(name)))
  end
  if client.grants then scope.key(client.grants(), name, "queue") end
  return name
end

local function queue_object(client, name)
  return ("org.apache.activemq:type=Broker,brokerName=%s,destinationType=Queue,destinationName=%s"):format(
    broker_name(client),
    name
  )
end

local ATTRIBUTES <const> = { "Name", "QueueSize", "ConsumerCount" }

--- The queues whose names begin with a prefix, by name.
---@param prefix string
---@return { name: string, depth: integer, consumers: integer }[]
function Client:queues(prefix)
  check_name(self, prefix .. "x")
  local found = call(
    self,
    "queues",
    { type = "read", mbean = queue_object(self, prefix .. "*"), attribute = ATTRIBUTES }
  ) or {}
  local queues = {}
  for object, values in pairs(found) do
    local name = object:match("destinationName=([^,]+)")
    if name:sub(1, #prefix) == prefix then
      queues[#queues + 1] = { name = name, depth = values.QueueSize, consumers = values.ConsumerCount }
    end
  end
  table.sort(queues, function(a, b) return a.name < b.name end)
  return queues
end

--- One queue, or nil.
---@param name string
---@return { name: string, depth: integer, consumers: integer }|nil
function Client:queue(name)
  check_name(self, name)
  local values = call(self, "queue", { type = "read", mbean = queue_object(self, name), attribute = ATTRIBUTES })
  return values and { name = name, depth = values.QueueSize, consumers = values.ConsumerCount } or nil
end

--- Makes a queue; one that is there stays as it is.
---@param name string
function Client:add_queue(name)
  check_name(self, name)
  call(self, "add queue", { type = "exec", mbean = broker_object(self), operation = "addQueue", arguments = { name } })
end

--- Removes a queue with what is in it; one that is not there is no error.
---@param name string
function Client:remove_queue(name)
  check_name(self, name)
  call(
    self,
    "remove queue",
    { type = "exec", mbean = broker_object(self), operation = "removeQueue", arguments = { name } }
  )
end

return M
