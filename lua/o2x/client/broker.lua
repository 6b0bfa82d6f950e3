--- A client of ActiveMQ's administration, through Jolokia. Jolokia answers HTTP 200 with a status of its own in the
--- body, and rejects requests that have no Origin header.

local cleartext = require "o2x.client.cleartext"
local errors = require "o2x.base.error"
local http = require "o2x.client.http"
local json = require "o2x.base.json"
local memo = require "o2x.base.memo"
local retry_rules = require "o2x.base.retry_rules"
local scope = require "o2x.base.scope"
local secret = require "o2x.base.secret"
local shape = require "o2x.base.shape"

local M = {}

local ORIGIN <const> = "http://localhost" -- the origin that ActiveMQ's default policy allows

---@class o2x.broker
local Client = {}
Client.__index = Client

--- A new client. Nothing is sent yet.
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
    facts = memo.new(math.huge),
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
    retryable = false,
  }
end

-- Jolokia takes reads as POST, too.
local function only_reads(command) return command.type == "read" end

-- Raises what the rules say of an error that Jolokia or o2x itself names; returns where no rule speaks of it.
local function raise_mood(op, name, text, command)
  local fields, means = retry_rules.judge("broker", { code = name }, only_reads(command))
  if not fields then return end
  fields.module, fields.op, fields.code = "broker", op, name
  fields.message = ("broker: %s: %s"):format(means, text)
  errors.raise(fields)
end

local ANSWER <const> = { status = "number", value = "any?", error_type = "string?" }

local function send(client, op, command)
  local response = http.request {
    method = "POST",
    reads = only_reads(command),
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
      ("%s rejected the user or password"):format(client.url),
      response.status,
      "set O2X_BROKER_USER and O2X_BROKER_PASSWORD"
    )
  elseif response.status ~= 200 then
    http.raise_mood("broker", response, {
      to = "broker: " .. client.url,
      module = "broker",
      op = op,
      reads = only_reads(command),
      method = "POST",
    })
    fail("failed", op, ("%s answered HTTP %d"):format(client.url, response.status), response.status)
  end
  local ok, answer = pcall(json.read, response.body)
  if not ok then fail("failed", op, client.url .. " did not answer with JSON", "shape") end
  return shape.check(answer, ANSWER, "broker: " .. op, "broker")
end

-- A Jolokia request; nil when the object does not exist.
local function call(client, op, command)
  local answer = send(client, op, command)
  if answer.status == 200 then return answer.value end
  if answer.status == 404 and answer.error_type == "javax.management.InstanceNotFoundException" then return nil end
  raise_mood(op, answer.error_type, tostring(answer.error or answer.error_type), command)
  fail(
    answer.status == 403 and "unauthorised" or "failed",
    op,
    tostring(answer.error or "status " .. tostring(answer.status)),
    answer.status
  )
end

-- The MBean of the broker itself. Its name contains the broker's name, so it is looked up once.
local function find_broker(client)
  local command = { type = "read", mbean = "org.apache.activemq:type=Broker,brokerName=*", attribute = "BrokerName" }
  local found = call(client, "find", command)
  if found ~= nil then shape.check(found, "map", "broker: the broker's MBean", "broker") end
  local name = found and next(found)
  if not name then raise_mood("find", "no broker", ("no broker MBean at %s"):format(client.url), command) end
  return name
end

local function broker_object(client)
  return client.facts:get("broker", function() return find_broker(client) end)
end

local function broker_name(client) return tostring(broker_object(client)):match("brokerName=([^,]+)") or "unknown" end

-- The name becomes part of an MBean name, where other characters have a meaning.
local function check_name(client, name)
  if type(name) ~= "string" or #name > 255 or not name:find("^[%w_%-%.]+$") then
    errors.input(("invalid queue name %q: only letters, digits, '.', '-' and '_'"):format(tostring(name)))
  end
  if client.grants then scope.key(client.grants(), name, "queue") end
  return name
end

local function queue_object(broker, name)
  return ("org.apache.activemq:type=Broker,brokerName=%s,destinationType=Queue,destinationName=%s"):format(broker, name)
end

local ATTRIBUTES <const> = { "Name", "QueueSize", "ConsumerCount" }
local QUEUE <const> = { QueueSize = "integer", ConsumerCount = "integer" }

--- The queues whose names start with a prefix, sorted by name.
---@param prefix string
---@return { name: string, depth: integer, consumers: integer }[]
function Client:queues(prefix)
  check_name(self, prefix .. "x")
  local found =
    call(self, "queues", { type = "read", mbean = queue_object("*", prefix .. "*"), attribute = ATTRIBUTES })
  if not found then
    broker_object(self) -- raises if there is no broker, which has no queues either
    return {}
  end
  local queues = {}
  for object, values in pairs(shape.check(found, "map", "broker: queues", "broker")) do
    shape.check(values, QUEUE, "broker: the queue " .. tostring(object), "broker")
    local name = tostring(object):match("destinationName=([^,]+)")
    if name and name:sub(1, #prefix) == prefix then
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
  local values =
    call(self, "queue", { type = "read", mbean = queue_object(broker_name(self), name), attribute = ATTRIBUTES })
  if values ~= nil then shape.check(values, QUEUE, "broker: the queue " .. name, "broker") end
  return values and { name = name, depth = values.QueueSize, consumers = values.ConsumerCount } or nil
end

--- Creates a queue; an existing one is left unchanged.
---@param name string
function Client:add_queue(name)
  check_name(self, name)
  call(self, "add queue", { type = "exec", mbean = broker_object(self), operation = "addQueue", arguments = { name } })
end

--- Deletes a queue and its messages; a missing queue is not an error.
---@param name string
function Client:remove_queue(name)
  check_name(self, name)
  call(
    self,
    "remove queue",
    { type = "exec", mbean = broker_object(self), operation = "removeQueue", arguments = { name } }
  )
end

--- The broker's client of a run.
---@param config table
---@param grants table what the run may touch
---@return table client
function M.for_run(config, grants)
  local o = config.broker
  errors.need_setting(o.url, "the message broker", "O2X_BROKER_URL")
  cleartext.check_url(config, o.url, "the message broker")
  local function scope_of() return grants.broker or {} end
  local bounds = not grants.places and scope_of or nil -- where only names are read, those of all tenants
  return M.new { url = o.url, user = o.user, password = o.password, scope = bounds }
end

return M
