--- The lab's message broker: Jolokia and the message API of ActiveMQ 5.16, after recordings of the real one.

local clock = require "o2x.base.clock"
local crypto = require "o2x.base.crypto"
local httpd = require "lab.httpd"
local json = require "o2x.base.json"

local M = { name = "broker" }

local USER <const> = "admin"
local BROKER <const> = "localhost"
local HOST_ID <const> = "ID:broker-1795413545807"
local DOMAIN <const> = "org.apache.activemq:"

-- ---- queues ----

local function find(state, name)
  for i, queue in ipairs(state.queues) do
    if queue.name == name then return queue, i end
  end
end

local function add(state, name)
  local queue = find(state, name)
  if not queue then
    queue = { name = name, messages = {}, enqueued = 0, dequeued = 0 }
    table.insert(state.queues, queue)
  end
  return queue
end

local function put(lab, state, queue, text, persistent)
  state.sequence = (state.sequence or 3) + 1
  queue.enqueued = queue.enqueued + 1
  local message = {
    id = ("%s-%d:1:1:1:1"):format(HOST_ID, state.sequence),
    text = text,
    persistent = persistent,
    at = lab.clock(),
  }
  table.insert(queue.messages, message)
  return message.id
end

-- ---- object names ----

-- "org.apache.activemq:type=Broker,brokerName=x" → its keys; nil if it is not an object name of the broker.
local function read_name(text)
  local keys = {}
  for key, value in (text:match("^org%.apache%.activemq:(.+)$") or ""):gmatch("([^,=]+)=([^,]*)") do
    keys[key] = value
  end
  return next(keys) and keys or nil
end

local function canonical(keys)
  local parts = {}
  for key, value in pairs(keys) do
    parts[#parts + 1] = key .. "=" .. value
  end
  table.sort(parts)
  return DOMAIN .. table.concat(parts, ",")
end

local function queue_keys(queue)
  return { type = "Broker", brokerName = BROKER, destinationType = "Queue", destinationName = queue.name }
end

local function queue_name(queue) return canonical(queue_keys(queue)) end

local function glob(pattern)
  return "^" .. pattern:gsub("[%^%$%(%)%%%.%[%]%+%-]", "%%%0"):gsub("%*", ".*"):gsub("%?", ".") .. "$"
end

-- ---- Jolokia ----

local function problem(status, class, message)
  return { error_type = class, error = ("%s : %s"):format(class, message), status = status }
end

local QUEUE_ATTRIBUTES = {
  Name = function(queue) return queue.name end,
  QueueSize = function(queue) return #queue.messages end,
  ConsumerCount = function() return 0 end,
  EnqueueCount = function(queue) return queue.enqueued end,
  DequeueCount = function(queue) return queue.dequeued end,
}

local BROKER_ATTRIBUTES = {
  BrokerName = function() return BROKER end,
  BrokerVersion = function() return "5.16.7" end,
  Queues = function(state)
    local list = json.array {}
    for i, queue in ipairs(state.queues) do
      list[i] = { objectName = queue_name(queue) }
    end
    return list
  end,
  TotalMessageCount = function(state)
    local count = 0
    for _, queue in ipairs(state.queues) do
      count = count + #queue.messages
    end
    return count
  end,
}

-- One attribute by name, or several by a list of names; nil and the name of a missing one.
local function read_attributes(getters, object, names)
  if type(names) == "string" then
    if not getters[names] then return nil, names end
    return getters[names](object)
  end
  local values = {}
  for _, name in ipairs(names) do
    if not getters[name] then return nil, name end
    values[name] = getters[name](object)
  end
  return values
end

local function matches(pattern, object_keys)
  for key, value in pairs(object_keys) do
    if not pattern[key] or not value:find(glob(pattern[key])) then return false end
  end
  for key in pairs(pattern) do
    if not object_keys[key] then return false end
  end
  return true
end

-- All objects: { keys, attribute getters, the object }.
local function objects(state)
  local list = { { { type = "Broker", brokerName = BROKER }, BROKER_ATTRIBUTES, state } }
  for _, queue in ipairs(state.queues) do
    list[#list + 1] = { queue_keys(queue), QUEUE_ATTRIBUTES, queue }
  end
  return list
end

local function no_attribute(name)
  return problem(404, "javax.management.AttributeNotFoundException", "No such attribute: " .. name)
end

local function read(_, state, request, keys)
  local pattern, found = request.mbean:find("[%*%?]"), {}
  for _, object in ipairs(objects(state)) do
    if matches(keys, object[1]) then
      -- For a pattern, each object has a table of its attributes, even if there is only one.
      local names = pattern and type(request.attribute) == "string" and { request.attribute } or request.attribute
      local value, missing = read_attributes(object[2], object[3], names)
      if missing then return no_attribute(missing) end
      if not pattern then return { value = value } end
      found[canonical(object[1])] = value
    end
  end
  if next(found) then return { value = found } end
  return problem(404, "javax.management.InstanceNotFoundException", request.mbean)
end

local function message_body(queue, message)
  local body = {
    JMSMessageID = message.id,
    JMSDestination = "queue://" .. queue.name,
    JMSRedelivered = false,
    Text = message.text,
    JMSExpiration = 0,
    JMSDeliveryMode = message.persistent and "PERSISTENT" or "NON-PERSISTENT",
    JMSPriority = message.persistent and 5 or 0,
    JMSTimestamp = clock.iso(message.at),
    PropertiesText = "{}",
    BrokerPath = "null",
    JMSXGroupSeq = 0,
  }
  for _, name in ipairs {
    "JMSXGroupID",
    "JMSCorrelationID",
    "JMSType",
    "OriginalDestination",
    "JMSXUserID",
    "JMSReplyTo",
  } do
    body[name] = json.null
  end
  for _, name in ipairs { "Short", "Byte", "Long", "Int", "String", "Double", "Boolean", "Float" } do
    body[name .. "Properties"] = {}
  end
  return body
end

local BROKER_OPERATIONS = {
  addQueue = function(_, state, _, name) add(state, name) end,
  removeQueue = function(_, state, _, name)
    local _, index = find(state, name)
    if index then table.remove(state.queues, index) end
  end,
}

local QUEUE_OPERATIONS = {
  purge = function(_, _, queue)
    queue.dequeued, queue.messages = queue.dequeued + #queue.messages, {}
  end,
  browse = function(_, _, queue)
    local list = json.array {}
    for i, message in ipairs(queue.messages) do
      list[i] = message_body(queue, message)
    end
    return list
  end,
  sendTextMessage = function(lab, state, queue, text) return put(lab, state, queue, text, false) end,
}

local function exec(lab, state, request, keys)
  local queue = keys.destinationName and find(state, keys.destinationName)
  if keys.brokerName ~= BROKER or keys.destinationName and not queue then
    return problem(404, "javax.management.InstanceNotFoundException", request.mbean)
  end
  local name = request.operation:match("^[^(]+")
  local operation = (queue and QUEUE_OPERATIONS or BROKER_OPERATIONS)[name]
  if not operation then
    return problem(
      400,
      "java.lang.IllegalArgumentException",
      ("No operation %s found on MBean %s"):format(name, canonical(keys))
    )
  end
  local value = operation(lab, state, queue, table.unpack(request.arguments or {}))
  lab.save("broker")
  return { value = value == nil and json.null or value }
end

local COMMANDS = { read = read, exec = exec }

local function version()
  return {
    request = { type = "version" },
    value = {
      agent = "1.6.2",
      protocol = "7.2",
      info = { product = "activemq", vendor = "Apache", version = "5.16.7" },
    },
  }
end

local function execute(lab, state, request)
  local command, keys = COMMANDS[request.type or ""], read_name(tostring(request.mbean or ""))
  local answer
  if request.type == "version" then
    answer = version()
  elseif not command or not keys then
    return problem(400, "java.lang.IllegalArgumentException", "Invalid request")
  else
    answer = command(lab, state, request, keys)
    local echo = {
      type = request.type,
      mbean = canonical(keys),
      attribute = request.attribute,
      operation = request.operation,
      arguments = request.arguments,
    }
    answer.request = echo
  end
  if answer.error then return answer end
  answer.status, answer.timestamp = 200, lab.clock() // 1 | 0
  return answer
end

-- "exec/MBEAN/operation/argument", "read/MBEAN/a,b"; "!/" stands for a slash.
local function from_path(path)
  local parts = {}
  for part in (path:gsub("!/", "\0") .. "/"):gmatch("(.-)/") do
    parts[#parts + 1] = (httpd.decode(part):gsub("%z", "/"))
  end
  local kind, mbean, third = parts[1], parts[2], parts[3]
  if kind == "read" and third then
    local names = json.array {}
    for name in third:gmatch("[^,]+") do
      names[#names + 1] = name
    end
    return { type = kind, mbean = mbean, attribute = #names == 1 and names[1] or names }
  elseif kind == "exec" and third then
    local arguments = #parts > 3 and json.array { table.unpack(parts, 4) } or nil
    return { type = kind, mbean = mbean, operation = third, arguments = arguments }
  end
  return { type = kind, mbean = mbean }
end

local TEXT <const> = { ["Content-Type"] = "text/plain;charset=utf-8", ["Cache-Control"] = "no-cache" }

local function jolokia(lab, state, req)
  if not (req.headers.origin or ""):find("^https?://localhost") then
    return 200,
      TEXT,
      json.encode(
        problem(
          403,
          "java.lang.Exception",
          ("Origin %s is not allowed to call this agent"):format(req.headers.origin or "null")
        )
      )
  end
  if req.method ~= "POST" then
    return 200, TEXT, json.encode(execute(lab, state, from_path(req.path:sub(#"/api/jolokia/" + 1))))
  end
  local ok, request = pcall(json.decode, req.body)
  if not ok or type(request) ~= "table" then
    return 200, TEXT, json.encode(problem(400, "java.lang.IllegalArgumentException", "Invalid JSON request"))
  end
  if not request[1] then return 200, TEXT, json.encode(execute(lab, state, request)) end
  local answers = json.array {}
  for i, each in ipairs(request) do
    answers[i] = execute(lab, state, each)
  end
  return 200, TEXT, json.encode(answers)
end

-- ---- the message API ----

local function messages(lab, state, req, name)
  if req.method == "POST" then
    local text = ("&" .. req.body):match("&body=([^&]*)") or req.body
    put(lab, state, add(state, name), httpd.decode((text:gsub("+", " "))), true)
    lab.save("broker")
    return 200, nil, "Message sent"
  end
  local queue = find(state, name)
  local first = queue and table.remove(queue.messages, 1)
  if not first then return 204 end
  queue.dequeued = queue.dequeued + 1
  lab.save("broker")
  return 200, { ["Content-Type"] = "text/plain" }, first.text
end

local UNAUTHORISED <const> = [[
<html>
<head>
<meta http-equiv="Content-Type" content="text/html;charset=ISO-8859-1"/>
<title>Error 401 Unauthorized</title>
</head>
<body><h2>HTTP ERROR 401 Unauthorized</h2></body>
</html>
]]

local function handler(lab, state)
  local expected = "Basic " .. crypto.base64(USER .. ":" .. state.password)
  return function(req)
    if req.headers.authorization ~= expected then
      return 401,
        {
          ["WWW-Authenticate"] = 'basic realm="ActiveMQRealm"',
          ["Content-Type"] = "text/html;charset=iso-8859-1",
        },
        UNAUTHORISED
    elseif req.path:find("^/api/jolokia/?") then
      return jolokia(lab, state, req)
    end
    local name = req.path:match("^/api/message/([^/]+)$")
    if name then return messages(lab, state, req, name) end
    return 404, { ["Content-Type"] = "text/plain" }, "Not Found\n"
  end
end

--- Starts the server.
---@param lab table
---@return table {port, env, stop}
function M.start(lab)
  local state = lab.state("broker")
  state.queues = state.queues or json.array {}
  state.password = state.password or crypto.hex(crypto.random(12))
  local server = lab.serve("broker", handler(lab, state))
  lab.save("broker")
  return {
    port = server.port,
    env = {
      O2X_BROKER_URL = ("http://%s:%d"):format(lab.host, server.port),
      O2X_BROKER_USER = USER,
      O2X_BROKER_PASSWORD = state.password,
    },
    stop = function() server:stop() end,
  }
end

return M
