--- Queues of the message broker. Runbooks: require "o2x.broker". A tenant's queues begin with its id and a dot.

local errors = require "o2x.base.error"
local json = require "o2x.base.json"
local shell = require "o2x.base.shell"

-- The queues of a prefix; in a plan they also say which of them exist.
local function queues(ctx, prefix)
  local broker = ctx:client "broker"
  return ctx:once("broker " .. prefix, ctx.ask, ctx, "broker", broker.queues, broker, prefix)
end

local function is_listed(ctx, prefix, name)
  for _, each in ipairs(queues(ctx, prefix)) do
    if each.name == name then return true end
  end
  return false
end

-- A plan looks once at all of the tenant's queues, a run at each of them when it comes to it.
local function exists(ctx, name)
  for _, prefix in ipairs(ctx.mode == "plan" and ctx.scope.broker or {}) do
    if name:sub(1, #prefix) == prefix then return is_listed(ctx, prefix, name) end
  end
  return ctx:client("broker"):queue(name) ~= nil
end

-- The name of a function of the shell that sends a request to Jolokia, which takes those with an Origin header only.
local function jolokia(ctx)
  local client = ctx:client "broker"
  local curl =
    shell.command { "curl", "-fsS", "-H", "Origin: http://localhost", "-H", "Content-Type: application/json" }
  local user = '-u "${O2X_BROKER_USER:-admin}:${O2X_BROKER_PASSWORD:?}"'
  local ca = client.ca_file and " " .. shell.command { "--cacert", client.ca_file } or ""
  return ctx:function_by_hand(
    "jolokia",
    ("%s %s%s -d @- %s"):format(curl, user, ca, shell.quote(client.url .. "/api/jolokia"))
  )
end

-- The name of the broker is a part of the name of everything in it.
local function by_hand(ctx, target, desired)
  local ask, mbean = jolokia(ctx), "org.apache.activemq:type=Broker,brokerName="
  local read = shell.quote(('{"type":"read","mbean":"%s*","attribute":"BrokerName"}'):format(mbean))
  local name = ctx:variable("BROKER", ("printf %%s %s | %s | jq -er '.value[].BrokerName'"):format(read, ask))
  local operation = desired and "addQueue" or "removeQueue"
  local request = { type = "exec", mbean = mbean .. name, operation = operation, arguments = { target.name } }
  return { shell.with_json(request, ask, "jq -e '.status == 200'") }
end

local function queues_by_hand(ctx, prefix)
  local mbean = "org.apache.activemq:type=Broker,brokerName=*,destinationType=Queue,destinationName=" .. prefix .. "*"
  local request = { type = "read", mbean = mbean, attribute = "QueueSize" }
  return shell.with_json(request, jolokia(ctx), "jq .value")
end

local queue = {
  kind = "broker.queue",
  rights = { broker = { "read" } },
  class = "idempotent",
  guard = "a queue that is there already is left as it is; before a removal its messages are counted, and read back is "
    .. "whether it is there",
  undo = {
    before = "whether the queue existed",
    how = "removes a new queue if it is empty",
    cannot = "a new queue that holds messages",
    restore = function(ctx, past)
      local there = past.before == nil and ctx:client("broker"):queue(past.target.name)
      if there and there.depth > 0 then return nil, ("it holds %d messages"):format(there.depth) end
      return { target = past.target, desired = past.before }
    end,
  },
  key = function(target) return target.name end,
  by_hand = by_hand,

  read = function(ctx, target) return exists(ctx, target.name) and { name = target.name } or nil end,

  -- Removing a queue, which only undo does, must not lose messages.
  write = function(ctx, target, desired)
    local client = ctx:client "broker"
    if desired then return client:add_queue(target.name) end
    local there = client:queue(target.name)
    if there and there.depth > 0 then
      errors.raise {
        kind = "conflict",
        module = "broker",
        op = "remove",
        message = ("queue %s holds %d messages"):format(target.name, there.depth),
        hint = "wait until they are consumed, or purge the queue",
      }
    end
    client:remove_queue(target.name)
  end,
}

local function titled(each) return ("queue %s (%d messages)"):format(each.name, each.depth) end

-- One line that removes a queue, wherever it is pasted.
local function removal(ctx, name)
  local client = ctx:client "broker"
  local words = { "curl", "-fsS", "-H", "Origin: http://localhost", "-H", "Content-Type: application/json" }
  if client.ca_file then words = table.move({ "--cacert", client.ca_file }, 1, 2, #words + 1, words) end
  local curl = shell.command(words) .. ' -u "${O2X_BROKER_USER:-admin}:${O2X_BROKER_PASSWORD:?}" -d @- '
  curl = curl .. shell.quote(client.url .. "/api/jolokia")
  local mbean = "org.apache.activemq:type=Broker,brokerName=*"
  local read = json.encode { type = "read", mbean = mbean, attribute = "BrokerName" }
  local remove = ("jq -c --arg name %s '%s'"):format(
    shell.quote(name),
    '{type: "exec", mbean: (.value | keys[0]), operation: "removeQueue", arguments: [$name]}'
  )
  local ask = ("printf %%s %s | %s"):format(shell.quote(read), curl)
  return ("%s | %s | %s | jq -e '.status == 200'"):format(ask, remove, curl)
end

-- The tenant's queues: their names begin with its id.
function queue.list(ctx)
  local found = {}
  for _, prefix in ipairs(ctx.scope.broker or {}) do
    for _, each in ipairs(queues(ctx, prefix)) do
      found[#found + 1] = { target = { name = each.name }, title = titled(each), remove = removal(ctx, each.name) }
    end
  end
  return found
end

-- The queues of all tenants.
function queue.names(ctx)
  local found = {}
  for i, each in ipairs(queues(ctx, ctx.scope.places.queues)) do
    found[i] = { name = each.name, title = titled(each), remove = removal(ctx, each.name) }
  end
  return found
end

local function api(ctx)
  return {
    --- Ensures a queue.
    ---@param name string
    ---@return { name: string }
    ensure_queue = function(name) return (ctx:effect("broker.queue", { name = name }, { name = name })) end,

    --- The queues whose names begin with a prefix of the tenant's.
    ---@param prefix string "TIDLT-100008."
    ---@return { name: string, depth: integer, consumers: integer }[]
    queues = function(prefix)
      ctx:look(function() return { queues_by_hand(ctx, prefix) } end)
      return queues(ctx, prefix)
    end,
  }
end

return { name = "broker", declares = "broker:write", types = { queue }, api = api }
